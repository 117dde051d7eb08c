declare const unit: unique symbol;

/** A duration in seconds, possibly with a fraction (like EXTINF). */
export type Seconds = number & { readonly [unit]: "seconds" };

/** A point in time: whole seconds since 1970-01-01T00:00:00Z (NumericDate of RFC 7519, without its fraction). */
export type UnixSeconds = number & { readonly [unit]: "unix seconds" };

/** Port: the current time. */
export type Clock = () => UnixSeconds;

/** Port: calls `ring` once after a duration. The returned function cancels it. */
export type Timer = (length: Seconds, ring: () => void) => () => void;

const latest = 253_402_300_799; // 9999-12-31T23:59:59Z, the last instant that RFC 3339 can write

/** Port: keeps work running after the response was sent. */
export type WaitUntil = (work: Promise<unknown>) => void;

/** A duration. Throws a RangeError for a number that is not finite, which is a bug of the caller. */
export function seconds(value: number): Seconds {
  if (!Number.isFinite(value)) throw new RangeError(`not a length of time: ${value}`);
  return value as Seconds;
}

/** A point in time from whole seconds. Throws a RangeError outside 1970 to 9999. */
export function unixSeconds(value: number): UnixSeconds {
  if (!Number.isSafeInteger(value) || value < 0 || value > latest) throw new RangeError(`not a Unix time: ${value}`);
  return value as UnixSeconds;
}

/** Whether {@link unixSeconds} accepts a value: the check for external input. */
export function isUnixSeconds(value: unknown): value is UnixSeconds {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 && value <= latest;
}

/** The point in time `by` after `time`, rounded up to a whole second. */
export function after(time: UnixSeconds, by: Seconds): UnixSeconds {
  return unixSeconds(Math.ceil(time + by));
}

/** The duration from `from` to `to`; negative if `to` is earlier. */
export function between(from: UnixSeconds, to: UnixSeconds): Seconds {
  return seconds(to - from);
}

/** The earlier of two points in time. */
export function earlier(a: UnixSeconds, b: UnixSeconds): UnixSeconds {
  return a < b ? a : b;
}

/** The later of two points in time. */
export function later(a: UnixSeconds, b: UnixSeconds): UnixSeconds {
  return a > b ? a : b;
}

/** `time` rounded up to a multiple of `step`, so all times within a step become equal. */
export function roundUpTo(step: Seconds, time: UnixSeconds): UnixSeconds {
  return unixSeconds(Math.ceil(time / step) * step);
}

/** `time` rounded down to a multiple of `step`. */
export function roundDownTo(step: Seconds, time: UnixSeconds): UnixSeconds {
  return unixSeconds(Math.floor(time / step) * step);
}

/** RFC 3339 in UTC with whole seconds, as in `2026-11-21T20:00:00Z`. */
export function rfc3339(time: UnixSeconds): string {
  return `${new Date(time * 1000).toISOString().slice(0, 19)}Z`;
}

/** The machine's clock, for the code that connects the ports. */
export const systemClock: Clock = () => unixSeconds(Math.floor(Date.now() / 1000));

/** The runtime's timer, for the code that connects the ports. */
export const systemTimer: Timer = (length, ring) => {
  const timer = setTimeout(ring, length * 1000);
  return () => clearTimeout(timer);
};

declare const millisecondUnit: unique symbol;

/** A duration in milliseconds, for differences below a second. */
export type Milliseconds = number & { readonly [millisecondUnit]: "milliseconds" };

/** A point in time: milliseconds since 1970-01-01T00:00:00Z. */
export type UnixMilliseconds = number & { readonly [millisecondUnit]: "unix milliseconds" };

/** Port: the current time, where a second is too coarse. */
export type MillisecondClock = () => UnixMilliseconds;

/** A duration. Throws a RangeError for a number that is not finite, which is a bug of the caller. */
export function milliseconds(value: number): Milliseconds {
  if (!Number.isFinite(value)) throw new RangeError(`not a length of time: ${value}`);
  return value as Milliseconds;
}

/** A point in time. Throws a RangeError unless it is a whole number from 0 on. */
export function unixMilliseconds(value: number): UnixMilliseconds {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`not a point in time: ${value}`);
  return value as UnixMilliseconds;
}

/** The machine's clock, for the code that connects the ports. */
export const systemMillisecondClock: MillisecondClock = () => unixMilliseconds(Date.now());

const dateTime =
  /^(\d{4})-(\d\d)-(\d\d)T([01]\d|2[0-3]):([0-5]\d):([0-5]\d)(?:\.\d{1,9})?(?:Z|([+-])([01]\d|2[0-3]):([0-5]\d))$/;

/**
 * Parses a date-time of RFC 3339 §5.6, such as `2026-12-01T20:00:00+01:00`; a fraction of a second is cut off.
 * Undefined for anything else: a time without an offset (its meaning depends on the reader), a day that the month does
 * not have, a leap second, and times outside 1970 to 9999.
 */
export function readRfc3339(text: string): UnixSeconds | undefined {
  const found = dateTime.exec(text);
  if (found === null) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = found.slice(1, 7).map(Number);
  const local = new Date(Date.UTC(year, month - 1, day, hour, minute, second));
  // Date reads 30 February as a day in March.
  if (local.getUTCFullYear() !== year || local.getUTCMonth() !== month - 1 || local.getUTCDate() !== day)
    return undefined;
  const [, , , , , , , sign, hours = "0", minutes = "0"] = found;
  const offset = (Number(hours) * 60 + Number(minutes)) * 60 * (sign === "-" ? -1 : 1);
  const time = local.getTime() / 1000 - offset;
  return isUnixSeconds(time) ? time : undefined;
}

/** One time limit for several waits in a row. */
export interface Deadline {
  /** The result of `work`, or "late" once the time is up. The work itself continues. */
  readonly before: <Value>(work: Promise<Value>) => Promise<Value | "late">;
  readonly end: () => void;
}

export function startDeadline(length: Seconds, timer: Timer): Deadline {
  const { promise, resolve } = Promise.withResolvers<"late">();
  const end = timer(length, () => resolve("late"));
  return { before: (work) => Promise.race([work, promise]), end };
}

/** The result of `work`, or "late" if it takes longer than `length`. Rejects if `work` does. */
export async function inTime<Value>(work: Promise<Value>, length: Seconds, timer: Timer): Promise<Value | "late"> {
  const deadline = startDeadline(length, timer);
  try {
    return await deadline.before(work);
  } finally {
    deadline.end();
  }
}
