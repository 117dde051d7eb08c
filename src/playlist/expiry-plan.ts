import { after, earlier, roundUpTo, type Seconds, seconds, type UnixSeconds } from "../base/time.ts";
import type { Inspection } from "./inspect.ts";
import type { UriRole } from "./tags.ts";
import type { PlaylistTemplate, Target } from "./template.ts";

/** One place where a playlist uses a URL. */
export interface Use {
  readonly role: UriRole;
  /** How many segments stand before it. */
  readonly segment: number;
  /** The segment behind the last one that it serves: for a KEY or MAP, the one where another takes over. */
  until: number;
}

export interface Lifetime {
  readonly lifetime: Seconds;
  readonly carried: boolean;
  readonly minimum: Seconds;
  /** The expiry is rounded up to a multiple of this in place of the step's, where it is longer; 0 for the step's. */
  readonly grid: Seconds;
}

export interface LifetimeOptions {
  /** How long a viewer may pause a film without a URL running out. */
  readonly pauseAllowance: Seconds;
  /** How long URLs hold that players open or reload at a time nobody knows: the asset's session length. */
  readonly fileLifetime: Seconds;
}

/**
 * What is the same file for as long as a stream goes on has one URL a day: players fetch an init segment anew whose URL has
 * changed, once a step if that were its end. There is nothing in it to see, and without a grant its URL opens nothing.
 */
const day = seconds(86_400);

/** A live window counts for no more than this: players reload a live playlist, which brings fresh URLs. */
const longestWindow = 300;

/** Nothing plays longer, and a grant ends earlier; it keeps a broken duration from becoming a date in another age. */
const longestLifetime = 7 * 86_400;

/**
 * How long the URL of each use has to hold. Returns the function that tells it for one use.
 *
 * Nobody reloads what will not change, so in VOD, EVENT and I-frame playlists a segment's URL holds until the playhead
 * has passed it: position, duration and an allowance for pauses. Live, it holds for the window and 3 target durations.
 * A player that takes delta updates keeps the old URLs of what they skip; so skipped segments count as target durations
 * into the window, and the window is never shorter than CAN-SKIP-UNTIL. Where that is still too short for what they keep,
 * {@link outlivesSkipped} says so. A live window is counted in target durations, and its keys' URLs are given again while
 * they hold: durations that vary from segment to segment would move expiries within a step, and players fetch a KEY anew whose
 * URL has changed. KEY and MAP hold as long as the longest of what uses them, and the MAP of a playlist that will change to
 * the end of that day. A SESSION-KEY is asked for before any media playlist tells what uses it: it holds as long as a file.
 */
export function lifetimes(inspection: Inspection, options: LifetimeOptions): (use: Use) => Lifetime {
  const { target, ends, total, positional, live } = extentOf(inspection);
  const willChange = !inspection.ended && inspection.playlistType !== "VOD";

  /** Of the segment with this index; of what comes behind the last one where there is none. */
  const ofSegment = (index: number): number => {
    if (!positional) return live;
    return (ends[index] ?? total + target) + options.pauseAllowance;
  };

  return ({ role, segment, until }) => {
    if (inspection.kind === "multivariant") return lasting(options.fileLifetime);
    switch (role) {
      case "playlist":
      case "session-key":
      case "asset-list":
      case "steering":
      case "file":
      case "any":
        return lasting(options.fileLifetime);
      case "part":
      case "part-hint":
        // A part leaves the playlist 3 target durations after it came (RFC 8216bis §4.4.4.9).
        return kept(ofSegment(segment), 3 * target);
      case "map-hint":
        return daily(lasting(ofSegment(segment)));
      case "map": {
        const length = lasting(ofSegment(Math.max(segment, until - 1)));
        return willChange ? daily(length) : length;
      }
      case "key": {
        const length = ofSegment(Math.max(segment, until - 1));
        return positional ? lasting(length) : kept(length, length);
      }
      case "segment":
        return lasting(ofSegment(segment));
    }
  };
}

/**
 * Whether URLs hold as long as players keep them that take delta updates. A segment's URL is given anew until the segment
 * is CAN-SKIP-UNTIL old; from then on players keep the one that they have, until the segment leaves the playlist, and a
 * viewer may seek to it. In a window of hours that is longer than a live URL holds, and then the playlist must not offer
 * delta updates (RFC 8216bis §6.2.5.1): with whole playlists all URLs are fresh.
 */
export function outlivesSkipped(inspection: Inspection, { pauseAllowance }: LifetimeOptions): boolean {
  const { ended, playlistType, canSkipUntil } = inspection;
  if (ended || playlistType === "VOD" || canSkipUntil === 0) return true;
  const { target, total, positional, live } = extentOf(inspection);
  return (positional ? pauseAllowance : live) >= total - canSkipUntil + target;
}

interface Extent {
  readonly target: Seconds;
  /** Where each segment ends. */
  readonly ends: Float64Array;
  /** From the first segment to the end of the last part. */
  readonly total: number;
  /** Whether a segment's URL holds by where it lies: what will not change is loaded once. */
  readonly positional: boolean;
  /** How long the URLs of a live playlist hold, all alike. */
  readonly live: number;
}

function extentOf(inspection: Inspection): Extent {
  const target = targetDurationOf(inspection);
  const ends = endsOf(inspection, target);
  const { skipped, ended, playlistType, iFramesOnly, canSkipUntil } = inspection;
  const trailing = trailingOf(inspection, target);
  const positional = ended || playlistType !== undefined || iFramesOnly;
  const played = positional ? (ends.at(-1) ?? skipped * target) : windowOf(inspection, target);
  const total = played + trailing;
  const window = Math.min(Math.max(total, canSkipUntil), longestWindow);
  return { target, ends, total, positional, live: window + 3 * target };
}

/** In target durations: a segment's own may differ from it by its rounding (RFC 8216bis §4.4.3.1), and is broken if by more. */
function windowOf({ durations, skipped }: Inspection, target: Seconds): number {
  return durations.reduce((sum, duration) => sum + (duration > target + 0.5 ? duration : target), skipped * target);
}

/** What one URL needs that is used twice: enough for both. */
export function longer(a: Lifetime, b: Lifetime): Lifetime {
  return {
    lifetime: seconds(Math.max(a.lifetime, b.lifetime)),
    carried: a.carried || b.carried,
    minimum: seconds(Math.max(a.minimum, b.minimum)),
    // A file that holds the segments too is no init segment alone.
    grid: seconds(Math.min(a.grid, b.grid)),
  };
}

function daily(lifetime: Lifetime): Lifetime {
  return { ...lifetime, grid: day };
}

function lasting(lifetime: number): Lifetime {
  const length = seconds(Math.min(lifetime, longestLifetime));
  return { lifetime: length, carried: false, minimum: length, grid: seconds(0) };
}

function kept(lifetime: number, minimum: number): Lifetime {
  const length = Math.min(lifetime, longestLifetime);
  return { lifetime: seconds(length), carried: true, minimum: seconds(Math.min(minimum, length)), grid: seconds(0) };
}

/** EXT-X-TARGETDURATION, or the longest segment where that is missing. */
export function targetDurationOf({ targetDuration, durations }: Inspection): Seconds {
  return seconds(targetDuration ?? durations.reduce((most, duration) => Math.max(most, duration), 0));
}

/** The segment that is coming counts as a whole one: else its parts would move every expiry, one after the other. */
function trailingOf({ lowLatency, trailing }: Inspection, target: number): number {
  return lowLatency ? Math.max(trailing, target) : trailing;
}

/** Where each segment ends, counted from the start of what the playlist and its skipped segments hold. */
function endsOf({ durations, skipped }: Inspection, target: number): Float64Array {
  const ends = new Float64Array(durations.length);
  let position = skipped * target;
  for (let i = 0; i < ends.length; i++) {
    position += durations[i] ?? 0;
    ends[i] = position;
  }
  return ends;
}

export interface PlanOptions {
  /** No expiry lies after this: for URLs that carry no grant, the session's end. */
  readonly notAfter?: UnixSeconds | undefined;
  /** The expiries that were given before, by {@link targetKey}; looked up for carried targets alone. */
  readonly given?: ReadonlyMap<string, UnixSeconds> | undefined;
}

/**
 * When the URL of `target` expires: `now` rounded up to `step`, plus its lifetime rounded up to `step`. So all loads
 * within a step come to the same bytes.
 *
 * A target with a grid of its own is rounded up to that, so that its URL stays the same over many steps.
 *
 * A carried target keeps the expiry that was given before while it still holds for the target's `minimum`. A hint's URL
 * holds for the window and 3 target durations, a part has to hold for 3 target durations, so hint and part are one URL
 * unless the part comes a whole window after its hint. Both are counted from the rounded time, so that within a step the
 * decision cannot change; a hint and a part are given a step more, since that time jumps by a step at once.
 */
export function expiryOf(target: Target, now: UnixSeconds, step: Seconds, options: PlanOptions = {}): UnixSeconds {
  const base = roundUpTo(step, now);
  if (target.grid > step) {
    const end = roundUpTo(target.grid, after(base, target.lifetime));
    return options.notAfter === undefined ? end : earlier(end, options.notAfter);
  }
  const before = target.carried ? options.given?.get(targetKey(target)) : undefined;
  const expiry =
    before !== undefined && before >= base + target.minimum
      ? before
      : after(base, seconds(Math.ceil((target.lifetime + (mayComeAgain(target) ? step : 0)) / step) * step));
  return options.notAfter === undefined ? expiry : earlier(expiry, options.notAfter);
}

/** Whether a URL is given with more than it needs, so that it can be given again: a hint's, and a part's. */
function mayComeAgain({ carried, minimum, lifetime }: Target): boolean {
  return carried && minimum < lifetime;
}

/** The expiry of each target of a template, in the order of its targets. */
export function expiriesOf(
  template: PlaylistTemplate,
  now: UnixSeconds,
  step: Seconds,
  options: PlanOptions = {},
): UnixSeconds[] {
  return template.targets.map((target) => expiryOf(target, now, step, options));
}

/**
 * What the next version of the same playlist is planned with as `given`: the expiries of the carried targets. What has
 * left the playlist is forgotten with it.
 */
export function givenBy(template: PlaylistTemplate, expiries: readonly UnixSeconds[]): Map<string, UnixSeconds> {
  const given = new Map<string, UnixSeconds>();
  for (let i = 0; i < template.targets.length; i++) {
    const target = template.targets[i];
    const expiry = expiries[i];
    if (target?.carried && expiry !== undefined) given.set(targetKey(target), expiry);
  }
  return given;
}

/** What tells one URL from another: its path and its origin query. */
export function targetKey(target: Pick<Target, "path" | "query">): string {
  return `${target.path}?${target.query}`;
}
