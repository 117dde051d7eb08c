/** The used part of m3u8-parser's interface: the package has no types. */
declare module "m3u8-parser" {
  export interface ParsedSegment {
    readonly uri: string;
    /** Absent if neither EXTINF nor an earlier target duration gives it. */
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
    /** The parts after the last segment. */
    readonly preloadSegment?: { readonly parts?: readonly { readonly duration?: number }[] };
  }

  export class Parser {
    readonly manifest: ParsedManifest;
    push(text: string): void;
    end(): void;
  }
}
