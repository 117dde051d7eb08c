/// <reference path="../src/playlist/m3u8-parser.d.ts" />

/** Additional fields that the baseline reads from a playlist. */
declare module "m3u8-parser" {
  export interface ParsedManifest {
    readonly mediaSequence?: number;
  }

  export interface ParsedSegment {
    /** EXT-X-PROGRAM-DATE-TIME as it was written. */
    readonly dateTimeString?: string;
  }
}
