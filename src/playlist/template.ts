import type { Seconds } from "../base/seconds.ts";
import type { PlaylistKind } from "./kind.ts";

/** What a URL is signed for; the parameter that carries the signature is named after it. */
export type UriPurpose = "playlist" | "segment" | "key";

/** One distinct URL to sign. All its uses share it, so all byte ranges of one file are one URL to a cache. */
export interface Target {
  readonly purpose: UriPurpose;
  /** The canonical plain path on the media host, as in `/vod-ts/360p/0.ts`. */
  readonly path: string;
  /** The origin's own query in canonical form, "" where there is none. */
  readonly query: string;
  /** How long after now the URL must hold. A playlist's URL lives with the session instead. */
  readonly lifetime: Seconds;
  /** Whether a URL that was given before is given again: a PRELOAD-HINT's URL is that of the PART which it announces. */
  readonly carried: boolean;
  /** How long a URL that was given before must still hold to be given again. */
  readonly minimum: Seconds;
  /** What the expiry is rounded up to where that is longer than the step; 0 for the step. */
  readonly grid: Seconds;
}

/** A place in the playlist where a URI is written. */
export interface Hole {
  /** Index into the template's targets. */
  readonly target: number;
  /** What stands before the `?`: a reference relative to the playlist, so that it inherits the grant in the path. */
  readonly reference: string;
}

/**
 * What a playlist of the origin is compiled to, once a version: its own text with holes where URIs of the media host
 * stand. `literals` has one element more than `holes`; the playlist is literal, hole, literal, …, hole, literal.
 */
export interface PlaylistTemplate {
  /** `document`: JSON with URIs, an asset list or a steering manifest. */
  readonly kind: PlaylistKind | "document";
  /** True for a media playlist that will change. */
  readonly live: boolean;
  readonly literals: readonly string[];
  /** What the log says about renditions that were left out, since players read their URIs in different ways. */
  readonly leftOut?: string | undefined;
  readonly holes: readonly Hole[];
  readonly targets: readonly Target[];
  /** The variables that this playlist defines, for EXT-X-DEFINE:IMPORT by others. */
  readonly variables: ReadonlyMap<string, string>;
  /** What a generated multivariant playlist says about this one. */
  readonly traits: PlaylistTraits;
  readonly reloads: PlaylistReloads;
}

export interface PlaylistTraits {
  readonly version: number | undefined;
  readonly independentSegments: boolean;
  /** The peak rate in bits a second, where byte ranges or EXT-X-BITRATE tell it. */
  readonly bandwidth: number | undefined;
}

/** What tells how a playlist's reloads may be asked for: the delivery directives of RFC 8216bis §6.2.5. */
export interface PlaylistReloads {
  /** EXT-X-SERVER-CONTROL's CAN-BLOCK-RELOAD: `_HLS_msn` and `_HLS_part` are understood. */
  readonly canBlock: boolean;
  /** Its CAN-SKIP-UNTIL, where that is left in: `_HLS_skip` is understood. */
  readonly canSkip: boolean;
  /** The media sequence number behind that of the last segment, and how many parts of that segment are there. */
  readonly nextSegment: number;
  readonly nextPart: number;
  /** EXT-X-TARGETDURATION, or the longest segment where that is missing. */
  readonly targetDuration: Seconds;
}
