/** The content of `/demo.json`: streams and tokens to try. */
export interface Demo {
  /** The path before `/stream/start` on the page's own host; may be empty. */
  readonly apiPath: string;
  readonly mediaUrl: string;
  readonly streams: readonly DemoStream[];
  readonly tokens: readonly DemoToken[];
}

export interface DemoStream {
  readonly id: string;
  /** Empty for an asset without a title. */
  readonly title: string;
  /** Its group in the stream choice. */
  readonly group: "edge" | "live" | "cloudfront" | "added";
  readonly playable: boolean;
  /** Which of the page's poster and thumbnail track the asset offers. */
  readonly files: readonly string[];
}

export interface DemoToken {
  readonly id: string;
  readonly label: string;
  readonly token: string;
}

/** Loads the streams and tokens of the page. Throws if the API is down. */
export function loadDemo(): Promise<Demo> {
  return load("/demo.json");
}

/** Loads the current streams of the catalog. Throws if the API is down. */
export function loadStreams(): Promise<readonly DemoStream[]> {
  return load("/streams.json");
}

async function load<Content>(path: string): Promise<Content> {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`${path} answered ${response.status}`);
  return response.json();
}
