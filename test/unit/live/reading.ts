/** What a player keeps of a media playlist, read by tag and independently of the code that wrote it. */
export interface ReadPlaylist {
  readonly first: number;
  /** The tags and the URI of each segment, without the skipped ones. */
  readonly segments: readonly string[];
  readonly skipped: number;
  /** The parts after the last segment. */
  readonly parts: readonly string[];
  readonly hint: string | undefined;
  readonly uris: readonly string[];
}

export function readPlaylist(text: string): ReadPlaylist {
  const body = text.split("\n");
  const start = body.findIndex((line) => /^#EXT-X-(MAP|SKIP|PROGRAM-DATE-TIME)/.test(line));
  const segments: string[] = [];
  let open: string[] = [];
  for (const line of body.slice(start)) {
    if (line === "" || /^#EXT-X-(SKIP|ENDLIST|PRELOAD-HINT|RENDITION-REPORT)/.test(line)) continue;
    open.push(line);
    if (line.startsWith("#")) continue;
    segments.push(open.join("\n"));
    open = [];
  }
  return {
    first: Number(/#EXT-X-MEDIA-SEQUENCE:(\d+)/.exec(text)?.[1]),
    segments,
    skipped: Number(/#EXT-X-SKIP:SKIPPED-SEGMENTS=(\d+)/.exec(text)?.[1] ?? 0),
    parts: open.filter((line) => line.startsWith("#EXT-X-PART:")),
    hint: /#EXT-X-PRELOAD-HINT:.*URI="([^"]+)"/.exec(text)?.[1],
    uris: [...text.matchAll(/^#EXT-X-(?:PART|MAP):.*URI="([^"]+)"|^([^#\n]+)$/gm)].map(([, a, b]) => a ?? b ?? ""),
  };
}
