/** A URI of a playlist, resolved. */
export interface PlaylistUri {
  readonly url: string;
  readonly kind: "playlist" | "file";
}

/** Every URI of a playlist as a player would resolve it. It reads the tags itself, without the project's own parser. */
export function urisOf(text: string, base: string): PlaylistUri[] {
  const uris: PlaylistUri[] = [];
  let nextIsPlaylist = false;
  for (const line of text.split(/\r?\n/)) {
    const attribute =
      /^#EXT-X-(MEDIA|I-FRAME-STREAM-INF|MAP|KEY|SESSION-KEY|RENDITION-REPORT|PART|PRELOAD-HINT):.*\bURI="([^"]*)"/.exec(
        line,
      );
    if (attribute !== null) {
      const [, tag = "", uri = ""] = attribute;
      const kind = ["MEDIA", "I-FRAME-STREAM-INF", "RENDITION-REPORT"].includes(tag) ? "playlist" : "file";
      uris.push({ url: new URL(uri, base).href, kind });
    }
    if (line.startsWith("#EXT-X-STREAM-INF:")) nextIsPlaylist = true;
    else if (line !== "" && !line.startsWith("#")) {
      uris.push({ url: new URL(line, base).href, kind: nextIsPlaylist ? "playlist" : "file" });
      nextIsPlaylist = false;
    }
  }
  return uris;
}

/** Loads a stream from its manifest URL: every playlist once, and the URL of every file. */
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
    for (const uri of urisOf(text, url)) {
      if (uri.kind === "playlist") open.push(uri.url);
      else files.add(uri.url);
    }
  }
  return { playlists, files };
}
