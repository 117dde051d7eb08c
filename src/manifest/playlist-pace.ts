import { type UnixMilliseconds, unixMilliseconds } from "../base/time.ts";
import type { Progress } from "../playlist/progress.ts";

/**
 * The minimum time between two requests for a live playlist, and the accuracy at which a phase is known. Milliseconds.
 */
const quick = 500;

/** How long a playlist stays fresh that will not change, or has no segment yet. */
const still = 10_000;

/** How fast an encoder's clock may run relative to the durations that it writes, as a fraction. */
const drift = 0.01;

/** When the origin was asked, and when its response had arrived. */
export interface Sight {
  readonly askedAt: UnixMilliseconds;
  readonly answeredAt: UnixMilliseconds;
}

/** When a version appeared, as far as known, and when it is to be checked. Milliseconds. */
export interface Pace {
  /** The version appeared after this, and not later than `by`. */
  readonly after: number;
  readonly by: number;
  /** When the origin last had this version. */
  readonly seenAt: number;
  readonly freshUntil: UnixMilliseconds;
}

/**
 * The pace of a new version; `before` is the previous one.
 *
 * A live playlist gets a version per segment, so the next one is due one segment after this one appeared. That time is
 * known to lie between two requests and, for consecutive versions, one segment after the previous appearance. The
 * overlap of both is the phase. While it is wider than half a second, the next request goes to its middle, which halves
 * it, and at the latest to its end. So a version costs at most two requests, and one once the phase is known. A served
 * version is out of date by half a segment at first, and by half a second later.
 *
 * A playlist with parts gets a version per part. Its players wait for each with blocking reloads. A player that does
 * not wait gets a version that is out of date by a part and half a second at most.
 */
export function paceOfNew(
  progress: Progress,
  { askedAt, answeredAt }: Sight,
  before?: { readonly progress: Progress; readonly pace: Pace },
): Pace {
  const period = 1000 * progress.period;
  let after = Math.max(before?.pace.seenAt ?? 0, answeredAt - period);
  let by: number = answeredAt;
  if (before !== undefined && progress.nextSegment === before.progress.nextSegment + 1) {
    const [from, to] = [before.pace.after + period * (1 - drift), before.pace.by + period];
    // An encoder with irregular times starts a new phase.
    if (Math.max(after, from) <= Math.min(by, to)) [after, by] = [Math.max(after, from), Math.min(by, to)];
  }
  const point = by - after <= quick || mayBeWaitedFor(progress) ? by : (after + by) / 2;
  return { after, by, seenAt: askedAt, freshUntil: freshUntil(progress, point + period, answeredAt) };
}

/**
 * The pace after the origin was asked and had no newer version. A late version is requested every half second. One that
 * is late by seconds, as of a stopped stream, is requested more and more rarely, but at least once per segment
 * duration.
 */
export function paceOfSame(progress: Progress, { askedAt, answeredAt }: Sight, pace: Pace): Pace {
  const period = 1000 * progress.period;
  const late = answeredAt - (pace.by + period);
  const next = late < 0 ? pace.by + period : answeredAt + Math.min(late / 4, period);
  const seenAt = Math.max(pace.seenAt, askedAt);
  return { ...pace, seenAt, freshUntil: freshUntil(progress, next, answeredAt) };
}

/** How long a version without a history is fresh. */
export function freshWithoutHistory(live: boolean, { answeredAt }: Sight): UnixMilliseconds {
  return unixMilliseconds(answeredAt + (live ? 1000 : still));
}

/** The same after a failure, so that not every request asks an origin in trouble. */
export function freshAfterFailure(now: UnixMilliseconds): UnixMilliseconds {
  return unixMilliseconds(now + quick);
}

/**
 * Whether a live version may be served while the origin fails: for 3 target durations after the origin last confirmed
 * it. Players stay that far behind the end, so they can continue.
 */
export function mayStandIn(
  { live, targetDuration }: Pick<Progress, "live" | "targetDuration">,
  checkedAt: UnixMilliseconds,
  now: UnixMilliseconds,
): boolean {
  return live && now - checkedAt <= 3000 * targetDuration;
}

function freshUntil(progress: Progress, due: number, answeredAt: UnixMilliseconds): UnixMilliseconds {
  if (!progress.live) return unixMilliseconds(answeredAt + still);
  const slack = mayBeWaitedFor(progress) ? quick : 0;
  return unixMilliseconds(Math.ceil(Math.max(due + slack, answeredAt + quick)));
}

function mayBeWaitedFor({ canBlock, lowLatency }: Progress): boolean {
  return canBlock || lowLatency;
}
