/** A URL that a playlist of a stream leads to. */
export interface Found {
  readonly url: string;
  readonly kind: "playlist" | "file";
}

/** Every URI of a playlist as a player would resolve it; read by tag, not by our own code. */
export function urisOf(text: string, base: string): Found[] {
  const found: Found[] = [];
  let nextIsPlaylist = false;
  for (const line of text.split(/\r?\n/)) {
    const attribute =
      /^#EXT-X-(MEDIA|I-FRAME-STREAM-INF|MAP|KEY|SESSION-KEY|RENDITION-REPORT|PART|PRELOAD-HINT):.*\bURI="([^"]*)"/.exec(
        line,
      );
    if (attribute !== null) {
      const [, tag = "", uri = ""] = attribute;
      const kind = ["MEDIA", "I-FRAME-STREAM-INF", "RENDITION-REPORT"].includes(tag) ? "playlist" : "file";
      found.push({ url: new URL(uri, base).href, kind });
    }
    if (line.startsWith("#EXT-X-STREAM-INF:")) nextIsPlaylist = true;
    else if (line !== "" && !line.startsWith("#")) {
      found.push({ url: new URL(line, base).href, kind: nextIsPlaylist ? "playlist" : "file" });
      nextIsPlaylist = false;
    }
  }
  return found;
}

/** Loads a stream from its manifest URL as a player that wants everything: all playlists, all they lead to, each once. */
export async function walk(manifestUrl: string): Promise<{ playlists: Map<string, string>; files: Set<string> }> {
  const playlists = new Map<string, string>();
  const files = new Set<string>();
  const open = [manifestUrl];
  for (let url = open.pop(); url !== undefined; url = open.pop()) {
    if (playlists.has(url)) continue;
    const response = await fetch(url);
    if (response.status !== 200) throw new Error(`a playlist answered ${response.status}: ${await response.text()}`);
    const text = await response.text();
    playlists.set(url, text);
    for (const found of urisOf(text, url)) {
      if (found.kind === "playlist") open.push(found.url);
      else files.add(found.url);
    }
  }
  return { playlists, files };
}
