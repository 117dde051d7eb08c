import type { UnixMilliseconds } from "../base/milliseconds.ts";

/** The turn of a refresh, or of a revocation, among those of its family. */
export interface Turn {
  readonly family: string;
  /** When it came, and began to wait: who came within the grace is not late because others were before him. */
  readonly since: UnixMilliseconds;
}

/**
 * Does one piece of work after the other, in the order in which they come. For a Durable Object: elsewhere in workerd no
 * request may wait for another.
 */
export function inTurn(): <Value>(work: () => Promise<Value>) => Promise<Value> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const done = last.then(work);
    last = done.catch(() => undefined);
    return done;
  };
}
