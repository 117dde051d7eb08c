import { type Seconds, seconds, type Timer } from "./time.ts";

/** How often a waiting request checks whether the running one has finished. */
const pollInterval = seconds(0.05);

/**
 * Single-flight for the requests of one isolate, without a shared promise: one request does the work, the others use an
 * older value or wait.
 *
 * The usual single-flight lets all callers await one promise. In workerd that fails: I/O belongs to the request that
 * began it, so another request that awaits it is cancelled ("Cannot perform I/O on behalf of a different request") or
 * hangs, and the work dies with the client of the request that runs it. Requests therefore share only values: here the
 * time until which the work counts as running, which passes by itself if the running request is cut off.
 *
 * `now` and `until` are in the unit of the caller's clock. Durable Objects can share promises and need none of this.
 */
export class SingleFlight {
  #until = Number.NEGATIVE_INFINITY;

  isRunning(now: number): boolean {
    return now < this.#until;
  }

  /** Does the work, which counts as running until it has settled, and never after `until`. */
  async run<Value>(until: number, work: () => Promise<Value>): Promise<Value> {
    this.#until = until;
    try {
      return await work();
    } finally {
      // A request that took longer than `until` must not end the run of the one that followed it.
      if (this.#until === until) this.#until = Number.NEGATIVE_INFINITY;
    }
  }

  /** Resolves when nothing runs, or after `timeout`. Each caller waits by a timer of its own. */
  async finished(clock: () => number, timer: Timer, timeout: Seconds): Promise<void> {
    for (let waited = 0; this.isRunning(clock()) && waited < timeout; waited += pollInterval)
      await new Promise<void>((resolve) => timer(pollInterval, resolve));
  }
}
