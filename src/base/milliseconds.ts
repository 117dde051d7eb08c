declare const unit: unique symbol;

/** A length of time in whole milliseconds, for what has to be told apart within a second. */
export type Milliseconds = number & { readonly [unit]: "milliseconds" };

/** A point in time: milliseconds since 1970-01-01T00:00:00Z. */
export type UnixMilliseconds = number & { readonly [unit]: "unix milliseconds" };

/** What a port tells the time with where a second is too coarse. */
export type MillisecondClock = () => UnixMilliseconds;

/** A length of time. Throws a RangeError for a number that is no finite one, which is a bug in the caller. */
export function milliseconds(value: number): Milliseconds {
  if (!Number.isFinite(value)) throw new RangeError(`not a length of time: ${value}`);
  return value as Milliseconds;
}

/** A point in time. Throws a RangeError for what is no whole number from 0 on. */
export function unixMilliseconds(value: number): UnixMilliseconds {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`not a point in time: ${value}`);
  return value as UnixMilliseconds;
}

/** The clock of the machine, for those who wire. */
export const systemMillisecondClock: MillisecondClock = () => unixMilliseconds(Date.now());
