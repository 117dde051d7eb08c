/** A file that a playlist names in EXT-X-MAP or EXT-X-KEY. */
export interface TaggedUri {
  readonly tag: "MAP" | "KEY";
  readonly uri: string;
  /** The first byte of it (BYTERANGE="<length>@<offset>"). */
  readonly from: number;
}

/** Reads what RFC 8216 §4.3.2.4 and §4.3.2.5 say of a media playlist. `base` is its own address. */
export function urisWithTag(playlist: string, base: string): TaggedUri[] {
  return [...playlist.matchAll(/^#EXT-X-(MAP|KEY):(.*)$/gm)].flatMap(([, tag, attributes = ""]) => {
    const uri = /URI="([^"]*)"/.exec(attributes)?.[1];
    if (uri === undefined) return [];
    const from = Number(/BYTERANGE="\d+@(\d+)"/.exec(attributes)?.[1] ?? 0);
    return [{ tag: tag === "MAP" ? ("MAP" as const) : ("KEY" as const), uri: new URL(uri, base).href, from }];
  });
}
