/// <reference path="../src/playlist/m3u8-parser.d.ts" />

/** What the baseline reads of a playlist beyond what the project itself does. */
declare module "m3u8-parser" {
  export interface ParsedManifest {
    readonly mediaSequence?: number;
  }

  export interface ParsedSegment {
    /** EXT-X-PROGRAM-DATE-TIME as it was written. */
    readonly dateTimeString?: string;
  }
}
