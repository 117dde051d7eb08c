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

/**
 * Runs pieces of work one after another, in the order of arrival. For Node and Durable Objects only: elsewhere in
 * workerd a request cannot wait for another.
 */
export function inTurn(): <Value>(work: () => Promise<Value>) => Promise<Value> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const done = last.then(work);
    last = done.catch(() => undefined);
    return done;
  };
}

/** {@link inTurn} for each name by itself. A name without work is forgotten. */
export class NamedTurns {
  readonly #names = new Map<string, { readonly turn: ReturnType<typeof inTurn>; waiting: number }>();

  async run<Value>(name: string, work: () => Promise<Value>): Promise<Value> {
    const named = this.#names.get(name) ?? { turn: inTurn(), waiting: 0 };
    this.#names.set(name, named);
    named.waiting++;
    try {
      return await named.turn(work);
    } finally {
      named.waiting--;
      if (named.waiting === 0) this.#names.delete(name);
    }
  }

  /** The number of names with work. */
  get size(): number {
    return this.#names.size;
  }
}
