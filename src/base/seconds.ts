declare const unit: unique symbol;

/** A length of time in seconds; may hold a fraction (a segment's EXTINF does). */
export type Seconds = number & { readonly [unit]: "seconds" };

/** A point in time: whole seconds since 1970-01-01T00:00:00Z (RFC 7519's NumericDate without its fraction). */
export type UnixSeconds = number & { readonly [unit]: "unix seconds" };

/** What a port tells the time with. */
export type Clock = () => UnixSeconds;

/** Rings once after a length of time, unless the function that it gives back is called first. */
export type Timer = (length: Seconds, ring: () => void) => () => void;

const latest = 253_402_300_799; // 9999-12-31T23:59:59Z, the last instant that RFC 3339 can write

/** A length of time. Throws a RangeError for a number that is no finite one, which is a bug in the caller. */
export function seconds(value: number): Seconds {
  if (!Number.isFinite(value)) throw new RangeError(`not a length of time: ${value}`);
  return value as Seconds;
}

/** A point in time from a whole number of seconds. Throws a RangeError outside 1970 to 9999. */
export function unixSeconds(value: number): UnixSeconds {
  if (!Number.isSafeInteger(value) || value < 0 || value > latest) throw new RangeError(`not a Unix time: ${value}`);
  return value as UnixSeconds;
}

/** True for a number that {@link unixSeconds} takes: the check for input that comes from outside. */
export function isUnixSeconds(value: unknown): value is UnixSeconds {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 && value <= latest;
}

/** The point in time that lies `by` after `time`, rounded up to the whole second. */
export function after(time: UnixSeconds, by: Seconds): UnixSeconds {
  return unixSeconds(Math.ceil(time + by));
}

/** The length of time from `from` to `to`; negative where `to` came first. */
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

/** `time` rounded up to a multiple of `step`, so that all times within a step become one. */
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

/** The clock of the machine, for those who wire. */
export const systemClock: Clock = () => unixSeconds(Math.floor(Date.now() / 1000));

/** The timer of the runtime, for those who wire. */
export const systemTimer: Timer = (length, ring) => {
  const timer = setTimeout(ring, length * 1000);
  return () => clearTimeout(timer);
};
