/** A file that a playlist names in EXT-X-MAP or EXT-X-KEY. */
export interface TaggedUri {
  readonly tag: "MAP" | "KEY";
  readonly uri: string;
  /** Its first byte (BYTERANGE="<length>@<offset>"). */
  readonly from: number;
}

/** Reads the tags of RFC 8216 §4.3.2.4 and §4.3.2.5 in a media playlist at the URL `base`. */
export function urisWithTag(playlist: string, base: string): TaggedUri[] {
  return [...playlist.matchAll(/^#EXT-X-(MAP|KEY):(.*)$/gm)].flatMap(([, tag, attributes = ""]) => {
    const uri = /URI="([^"]*)"/.exec(attributes)?.[1];
    if (uri === undefined) return [];
    const from = Number(/BYTERANGE="\d+@(\d+)"/.exec(attributes)?.[1] ?? 0);
    return [{ tag: tag === "MAP" ? ("MAP" as const) : ("KEY" as const), uri: new URL(uri, base).href, from }];
  });
}
