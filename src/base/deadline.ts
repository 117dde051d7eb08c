import type { Seconds, Timer } from "./seconds.ts";

/** One length of time for several waits, one after the other. */
export interface Deadline {
  /** What `work` comes to, or "late" where the time has run out before; nobody waits for it then. */
  readonly before: <Value>(work: Promise<Value>) => Promise<Value | "late">;
  readonly end: () => void;
}

export function startDeadline(length: Seconds, timer: Timer): Deadline {
  const { promise, resolve } = Promise.withResolvers<"late">();
  const end = timer(length, () => resolve("late"));
  return { before: (work) => Promise.race([work, promise]), end };
}

/** What `work` comes to; "late" where that takes longer than `length`. It rejects where `work` does. */
export async function inTime<Value>(work: Promise<Value>, length: Seconds, timer: Timer): Promise<Value | "late"> {
  const deadline = startDeadline(length, timer);
  try {
    return await deadline.before(work);
  } finally {
    deadline.end();
  }
}
