import { Parser } from "m3u8-parser";

/** The URIs and durations that m3u8-parser, which rewrites nothing, finds in a playlist. It acts as a player. */
export interface OracleView {
  /** Every URI, wherever the parser keeps it. */
  readonly uris: readonly string[];
  /** One per segment, in order. */
  readonly durations: readonly (number | undefined)[];
}

export function oracle(text: string): OracleView {
  const parser = new Parser();
  // The parser does not skip a BOM before the first #.
  parser.push(text.replace("\uFEFF", ""));
  parser.end();
  const uris: string[] = [];
  collect(parser.manifest, uris);
  return { uris, durations: parser.manifest.segments.map(({ duration }) => duration) };
}

/** The parser's names for members with a URI: attribute names, and their camel case. */
const names: ReadonlySet<string> = new Set(["uri", "URI", "serverUri", "xAssetUri", "xAssetList", "xUri"]);

function collect(value: unknown, uris: string[]): void {
  if (typeof value !== "object" || value === null) return;
  for (const [key, inner] of Object.entries(value)) {
    if (typeof inner === "string" && names.has(key)) uris.push(inner);
    else collect(inner, uris);
  }
}
