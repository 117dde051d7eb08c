import { initSegmentPeriod } from "../base/constants.ts";
import { after, earlier, roundUpTo, type Seconds, seconds, type UnixSeconds } from "../base/time.ts";
import type { Inspection } from "./inspect.ts";
import type { UriRole } from "./tags.ts";
import type { PlaylistTemplate, Target } from "./template.ts";

/** One use of a URL in a playlist. */
export interface Use {
  readonly role: UriRole;
  /** The number of segments before it. */
  readonly segment: number;
  /** The segment after the last one that it applies to. For a KEY or MAP: where the next one takes over. */
  until: number;
}

export interface Lifetime {
  readonly lifetime: Seconds;
  readonly reusable: boolean;
  readonly minimum: Seconds;
  /** The expiry is rounded up to a multiple of this instead of the step, if it is longer; 0 for the step. */
  readonly roundTo: Seconds;
}

export interface LifetimeOptions {
  /** How long a viewer may pause a film before a URL expires. */
  readonly pauseAllowance: Seconds;
  /** The lifetime of URLs that players may open or reload at any time: the asset's session length. */
  readonly fileLifetime: Seconds;
}

/** The most seconds that a live window counts for: reloads of a live playlist bring fresh URLs. */
const longestWindow = 300;

/** Limits a broken duration. Nothing plays longer, and a grant expires earlier. */
const longestLifetime = 7 * 86_400;

/**
 * The lifetime of the URL of each use.
 *
 * Players do not reload VOD, EVENT and I-frame playlists, so a segment's URL lasts until the playhead has passed it:
 * position + duration + pause allowance. Live, it lasts for the window and 3 target durations. A player that uses delta
 * updates keeps the old URLs of skipped segments, so these count as target durations in the window, which is never
 * shorter than CAN-SKIP-UNTIL; {@link outlivesSkipped} tells if that is still too short. The window is counted in
 * target durations, and its keys' URLs are reused while they last: varying durations would move expiries within a step,
 * and players fetch a KEY again when its URL changes. KEY and MAP last as long as the longest of their segments, and
 * the MAP of a live playlist to the end of the day. A SESSION-KEY is loaded before any media playlist, so it lasts as
 * long as a file.
 */
export function lifetimes(inspection: Inspection, options: LifetimeOptions): (use: Use) => Lifetime {
  const { target, ends, total, positional, live } = extentOf(inspection);
  const willChange = !inspection.ended && inspection.playlistType !== "VOD";

  /** For the segment with this index, or the parts after the last segment. */
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
 * Whether URLs last as long as players with delta updates keep them. A segment's URL is renewed until the segment is
 * CAN-SKIP-UNTIL old; then players keep it until the segment leaves the playlist, and a viewer may seek to it. In a
 * window of hours that is longer than a live URL lasts. The playlist must not offer delta updates then (RFC 8216bis
 * §6.2.5.1), so that all its URLs are fresh.
 */
export function outlivesSkipped(inspection: Inspection, { pauseAllowance }: LifetimeOptions): boolean {
  const { ended, playlistType, canSkipUntil } = inspection;
  if (ended || playlistType === "VOD" || canSkipUntil === 0) return true;
  const { target, total, positional, live } = extentOf(inspection);
  return (positional ? pauseAllowance : live) >= total - canSkipUntil + target;
}

interface Extent {
  readonly target: Seconds;
  /** The end of each segment. */
  readonly ends: Float64Array;
  /** From the first segment to the end of the last part. */
  readonly total: number;
  /** Whether a segment's lifetime depends on its position: a playlist that does not change is loaded once. */
  readonly positional: boolean;
  /** The common lifetime of the URLs of a live playlist. */
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

/** In target durations: a segment may differ from it only by rounding (RFC 8216bis §4.4.3.1). */
function windowOf({ durations, skipped }: Inspection, target: Seconds): number {
  return durations.reduce((sum, duration) => sum + (duration > target + 0.5 ? duration : target), skipped * target);
}

/** The lifetime for two uses of one URL: enough for both. */
export function longer(a: Lifetime, b: Lifetime): Lifetime {
  return {
    lifetime: seconds(Math.max(a.lifetime, b.lifetime)),
    reusable: a.reusable || b.reusable,
    minimum: seconds(Math.max(a.minimum, b.minimum)),
    // A file that also contains segments is not only an init segment.
    roundTo: seconds(Math.min(a.roundTo, b.roundTo)),
  };
}

/** An init segment shows nothing by itself, and without a grant its URL is useless. */
function daily(lifetime: Lifetime): Lifetime {
  return { ...lifetime, roundTo: initSegmentPeriod };
}

function lasting(lifetime: number): Lifetime {
  const length = seconds(Math.min(lifetime, longestLifetime));
  return { lifetime: length, reusable: false, minimum: length, roundTo: seconds(0) };
}

function kept(lifetime: number, minimum: number): Lifetime {
  const length = Math.min(lifetime, longestLifetime);
  return {
    lifetime: seconds(length),
    reusable: true,
    minimum: seconds(Math.min(minimum, length)),
    roundTo: seconds(0),
  };
}

/** EXT-X-TARGETDURATION, or the longest segment if it is missing. */
export function targetDurationOf({ targetDuration, durations }: Inspection): Seconds {
  return seconds(targetDuration ?? durations.reduce((most, duration) => Math.max(most, duration), 0));
}

/** The unfinished segment counts as a whole one: otherwise each of its parts would move every expiry. */
function trailingOf({ lowLatency, trailing }: Inspection, target: number): number {
  return lowLatency ? Math.max(trailing, target) : trailing;
}

/** The end of each segment, from the start of the playlist, skipped segments included. */
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
  /** The latest expiry: for URLs without a grant, the session's. */
  readonly notAfter?: UnixSeconds | undefined;
  /** The previous expiries by {@link targetKey}, used for reusable targets. */
  readonly given?: ReadonlyMap<string, UnixSeconds> | undefined;
}

/**
 * The expiry of a target's URL: `now` rounded up to `step`, plus its lifetime rounded up to `step`. All loads within a
 * step give the same bytes.
 *
 * A target with its own `roundTo` is rounded up to that, so its URL stays the same over many steps.
 *
 * A reusable target keeps its previous expiry while that still covers the target's `minimum`. A hint's URL lasts for
 * the window and 3 target durations, and a part needs 3 target durations, so hint and part have one URL unless the part
 * comes a whole window after its hint. Both are counted from the rounded time, so the decision is constant within a
 * step. A hint and a part get one more step, because that time jumps by a step.
 */
export function expiryOf(target: Target, now: UnixSeconds, step: Seconds, options: PlanOptions = {}): UnixSeconds {
  const base = roundUpTo(step, now);
  if (target.roundTo > step) {
    const end = roundUpTo(target.roundTo, after(base, target.lifetime));
    return options.notAfter === undefined ? end : earlier(end, options.notAfter);
  }
  const before = target.reusable ? options.given?.get(targetKey(target)) : undefined;
  const expiry =
    before !== undefined && before >= base + target.minimum
      ? before
      : after(base, seconds(Math.ceil((target.lifetime + (mayComeAgain(target) ? step : 0)) / step) * step));
  return options.notAfter === undefined ? expiry : earlier(expiry, options.notAfter);
}

/** Whether a URL lasts longer than it needs to, so that it can be reused: those of hints and parts. */
function mayComeAgain({ reusable, minimum, lifetime }: Target): boolean {
  return reusable && minimum < lifetime;
}

/** The expiry of each target of a template, in order. */
export function expiriesOf(
  template: PlaylistTemplate,
  now: UnixSeconds,
  step: Seconds,
  options: PlanOptions = {},
): UnixSeconds[] {
  return template.targets.map((target) => expiryOf(target, now, step, options));
}

/**
 * The `given` expiries for the next version of the playlist: those of reusable targets. URLs that left the playlist are
 * dropped.
 */
export function givenBy(template: PlaylistTemplate, expiries: readonly UnixSeconds[]): Map<string, UnixSeconds> {
  const given = new Map<string, UnixSeconds>();
  for (let i = 0; i < template.targets.length; i++) {
    const target = template.targets[i];
    const expiry = expiries[i];
    if (target?.reusable && expiry !== undefined) given.set(targetKey(target), expiry);
  }
  return given;
}

/** Identifies a URL by its path and origin query. */
export function targetKey(target: Pick<Target, "path" | "query">): string {
  return `${target.path}?${target.query}`;
}
