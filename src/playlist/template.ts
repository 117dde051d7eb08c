import type { MediaPurpose } from "../base/media-purpose.ts";
import type { Seconds } from "../base/time.ts";
import type { LeftOut } from "./left-out.ts";
import type { PlaylistKind } from "./playlist-kind.ts";

/** A distinct URL to sign. All its uses share it, so all byte ranges of a file are one URL to a cache. */
export interface Target {
  readonly purpose: MediaPurpose;
  /** The canonical plain path on the media host, as in `/vod-ts/360p/0.ts`. */
  readonly path: string;
  /** The origin's own query in canonical form; "" if there is none. */
  readonly query: string;
  /** How long the URL must last from now. A playlist's URL lives as long as the session instead. */
  readonly lifetime: Seconds;
  /** Whether an earlier URL is used again: a PRELOAD-HINT has the URL of the PART that it announces. */
  readonly reusable: boolean;
  /** How long an earlier URL must still last to be used again. */
  readonly minimum: Seconds;
  /** The expiry is rounded up to a multiple of this, if it is longer than the step; 0 for the step. */
  readonly roundTo: Seconds;
}

/** A place in the playlist where a URI is written. */
export interface Hole {
  /** Index into the template's targets. */
  readonly target: number;
  /** The text before the `?`: a reference relative to the playlist, which inherits the grant in the path. */
  readonly reference: string;
}

/**
 * A compiled playlist, one per version: its own text with holes for URIs of the media host. `literals` has one element
 * more than `holes`; the playlist is literal, hole, literal, …, hole, literal.
 */
export interface PlaylistTemplate {
  /** `document`: JSON with URIs, an asset list or a steering manifest. */
  readonly kind: PlaylistKind | "document";
  /** Whether it is a media playlist that will change. */
  readonly live: boolean;
  readonly literals: readonly string[];
  /** The renditions that were omitted, because players read their URIs in different ways. */
  readonly leftOut: readonly LeftOut[];
  readonly holes: readonly Hole[];
  readonly targets: readonly Target[];
  /** The variables that this playlist defines, for EXT-X-DEFINE:IMPORT in others. */
  readonly variables: ReadonlyMap<string, string>;
  /** The properties that a generated multivariant playlist states about this one. */
  readonly traits: PlaylistTraits;
  readonly reloads: PlaylistReloads;
}

export interface PlaylistTraits {
  readonly version: number | undefined;
  readonly independentSegments: boolean;
  /** The peak rate in bits per second, if byte ranges or EXT-X-BITRATE tell it. */
  readonly bandwidth: number | undefined;
}

/** Which delivery directives (RFC 8216bis §6.2.5) a reload may use. */
export interface PlaylistReloads {
  /** EXT-X-SERVER-CONTROL's CAN-BLOCK-RELOAD: `_HLS_msn` and `_HLS_part` are supported. */
  readonly canBlock: boolean;
  /** Its CAN-SKIP-UNTIL, unless it was removed: `_HLS_skip` is supported. */
  readonly canSkip: boolean;
  /** The media sequence number after the last segment, and how many parts of that next segment there are. */
  readonly nextSegment: number;
  readonly nextPart: number;
  /** EXT-X-TARGETDURATION, or the longest segment if it is missing. */
  readonly targetDuration: Seconds;
}

/** A distinct URL, before its lifetime is known. */
export interface Url {
  readonly purpose: MediaPurpose;
  readonly path: string;
  readonly query: string;
}

/** Cuts a playlist's text into literals and holes, from front to back. All other text stays. */
export class Assembly {
  readonly literals: string[] = [];
  readonly holes: Hole[] = [];
  readonly urls: Url[] = [];
  readonly #indices = new Map<string, number>();
  readonly #text: string;
  #from = 0;
  #before = "";

  constructor(text: string) {
    this.#text = text;
  }

  /** Opens a hole for `url` instead of the text from `start` to `end`; returns the index of the distinct URL. */
  open(start: number, end: number, reference: string, url: Url): number {
    this.literals.push(this.#before + this.#text.slice(this.#from, start));
    this.#before = "";
    this.#from = end;
    const target = this.#indexOf(url);
    this.holes.push({ target, reference });
    return target;
  }

  /** Replaces the text from `start` to `end` by `written`. */
  replace(start: number, end: number, written: string): void {
    this.#before += this.#text.slice(this.#from, start) + written;
    this.#from = end;
  }

  /** The text after the last change becomes the last literal. */
  close(): void {
    this.literals.push(this.#before + this.#text.slice(this.#from));
  }

  #indexOf(url: Url): number {
    const key = `${url.purpose} ${url.path}?${url.query}`;
    const known = this.#indices.get(key);
    if (known !== undefined) return known;
    const index = this.urls.push(url) - 1;
    this.#indices.set(key, index);
    return index;
  }
}
