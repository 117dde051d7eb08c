import { type UnixMilliseconds, unixMilliseconds } from "../base/time.ts";
import type { Progress } from "../playlist/progress.ts";

/** No live playlist is asked for more often than once in so many milliseconds, and a phase is known once it is this close. */
const quick = 500;

/** How long a playlist stays fresh that will not change, or that has no segment to change with. */
const still = 10_000;

/** What an encoder's clock may run fast against the durations that it writes, as a share of them. */
const drift = 0.01;

/** When the origin was asked, and when its answer had come. */
export interface Sight {
  readonly askedAt: UnixMilliseconds;
  readonly answeredAt: UnixMilliseconds;
}

/** What is known of when a version came, and when it is to be asked whether it still is the one. Milliseconds. */
export interface Pace {
  /** The version came after this, and no later than `by`. */
  readonly after: number;
  readonly by: number;
  /** When the origin was last asked and still had this version. */
  readonly seenAt: number;
  readonly freshUntil: UnixMilliseconds;
}

/**
 * The pace of a version that has just been seen for the first time; `before` is the version that was known till then.
 *
 * A live playlist gets a version with every segment, so the next one is due one segment after this one came. When this
 * one came is known but to lie between two questions, and, where it follows on the one before, one segment after that.
 * The overlap of both is the phase. While it is wider than half a second the next question goes to its middle, which halves
 * it, and at the latest to its end; then there is one question a version. So a version costs two questions at most, and
 * one once the phase is known. What is given out is older than the newest version by half a segment at first, and by half
 * a second later on.
 *
 * A playlist of parts gets a version with every part. Its players wait for each (blocking reload); who does not is given
 * one that is a part and half a second old at most. So is who does not wait where others do, since theirs comes by then.
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
    // An encoder that keeps no time begins anew.
    if (Math.max(after, from) <= Math.min(by, to)) [after, by] = [Math.max(after, from), Math.min(by, to)];
  }
  const point = by - after <= quick || mayBeWaitedFor(progress) ? by : (after + by) / 2;
  return { after, by, seenAt: askedAt, freshUntil: freshUntil(progress, point + period, answeredAt) };
}

/**
 * The pace of a version after another look, at which the origin had no other. A version that is late is waited for with
 * half a second between the questions; one that is late by seconds, as of a stream that has stopped, with ever more, but
 * never with more than a segment's duration.
 */
export function paceOfSame(progress: Progress, { askedAt, answeredAt }: Sight, pace: Pace): Pace {
  const period = 1000 * progress.period;
  const late = answeredAt - (pace.by + period);
  const next = late < 0 ? pace.by + period : answeredAt + Math.min(late / 4, period);
  const seenAt = Math.max(pace.seenAt, askedAt);
  return { ...pace, seenAt, freshUntil: freshUntil(progress, next, answeredAt) };
}

/** How long a version may be given out that has no history. */
export function freshWithoutHistory(live: boolean, { answeredAt }: Sight): UnixMilliseconds {
  return unixMilliseconds(answeredAt + (live ? 1000 : still));
}

/** The same after a failure, so that an origin in trouble is not asked by everybody at once. */
export function freshAfterFailure(now: UnixMilliseconds): UnixMilliseconds {
  return unixMilliseconds(now + quick);
}

/**
 * How old a live version may be, by when the origin last said that it is the one, to be given out while the origin fails:
 * 3 target durations, which is what players hold back from its end and so can play on without.
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
