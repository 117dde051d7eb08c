/** The part of m3u8-parser's interface that is used here: the package has no types of its own. */
declare module "m3u8-parser" {
  export interface ParsedSegment {
    readonly uri: string;
    /** Absent where neither EXTINF nor a target duration before the segment tells it. */
    readonly duration?: number;
  }

  export interface ParsedManifest {
    readonly segments: readonly ParsedSegment[];
    readonly endList?: boolean;
    readonly playlistType?: string;
    readonly iFramesOnly?: boolean;
    readonly targetDuration?: number;
    readonly partTargetDuration?: number;
    readonly serverControl?: { readonly canSkipUntil?: number };
    readonly skip?: { readonly skippedSegments?: number };
    /** The parts behind the last segment. */
    readonly preloadSegment?: { readonly parts?: readonly { readonly duration?: number }[] };
  }

  export class Parser {
    readonly manifest: ParsedManifest;
    push(text: string): void;
    end(): void;
  }
}
