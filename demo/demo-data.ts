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
  readonly title: string;
  readonly cdn: "edge" | "cloudfront-signed";
  readonly live: boolean;
  readonly playable: boolean;
}

export interface DemoToken {
  readonly id: string;
  readonly label: string;
  readonly token: string;
}

/** Loads the streams and tokens of the page. Throws if the API is down. */
export async function loadDemo(): Promise<Demo> {
  const response = await fetch("/demo.json");
  if (!response.ok) throw new Error(`/demo.json answered ${response.status}`);
  return response.json();
}
