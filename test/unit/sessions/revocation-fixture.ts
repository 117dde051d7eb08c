import type { Refusal } from "../../../src/base/result.ts";
import {
  milliseconds,
  type Timer,
  type UnixMilliseconds,
  unixMilliseconds,
  unixSeconds,
} from "../../../src/base/time.ts";
import type { Revocation, RevocationDelta, RevocationLog } from "../../../src/sessions/revocation.ts";
import { type RevocationWatchParts, watchRevocations } from "../../../src/sessions/revocation-watch.ts";
import { memoryRevocationLog } from "../../support/memory-stores.ts";

/** A clock that only `pass` moves, with the timers that wait for it. */
export class ManualTime {
  now: UnixMilliseconds = unixMilliseconds(1_800_000_000_000);
  readonly #busy = new Set<Promise<unknown>>();
  #alarms: { at: number; ring: () => void }[] = [];

  readonly clock = () => this.now;
  readonly timer: Timer = (length, ring) => this.#schedule(length * 1000, ring);
  readonly wait = (length: number) => new Promise<void>((resolve) => this.#schedule(length, resolve));

  #schedule(length: number, ring: () => void) {
    const alarm = { at: this.now + length, ring };
    this.#alarms.push(alarm);
    return () => {
      this.#alarms = this.#alarms.filter((other) => other !== alarm);
    };
  }

  /** Moves the clock. Due timers fire in their order, and each one's consequences finish before the next. */
  async pass(length: number): Promise<void> {
    const end = this.now + length;
    await this.#settled();
    for (;;) {
      const [next] = this.#alarms.filter(({ at }) => at <= end).toSorted((a, b) => a.at - b.at);
      if (next === undefined) break;
      this.#alarms = this.#alarms.filter((other) => other !== next);
      this.now = unixMilliseconds(Math.max(this.now, next.at));
      next.ring();
      await this.#settled();
    }
    this.now = unixMilliseconds(end);
  }

  /** The result of `work`; the clock does not move until then. */
  holdFor<Value>(work: Promise<Value>): Promise<Value> {
    this.#busy.add(work);
    const end = () => this.#busy.delete(work);
    work.then(end, end);
    return work;
  }

  /** Resolves when no promise can proceed without time passing. */
  async #settled(): Promise<void> {
    do {
      await Promise.allSettled(this.#busy);
      for (let i = 0; i < 40; i++) await Promise.resolve();
    } while (this.#busy.size > 0);
  }
}

export const sessionEntry = (value: string): Revocation => ({
  kind: "session",
  value,
  cause: "revoked",
  at: unixSeconds(1_800_000_000),
  until: unixSeconds(1_900_000_000),
});

/** A watch over a log in memory, with a network that can be slow or down. */
export function watchFixture(parts: Partial<RevocationWatchParts> = {}, pageSize?: number) {
  const time = new ManualTime();
  const log = memoryRevocationLog(time.clock, pageSize);
  /** The network to the log: delays in milliseconds, whether the log is down, and how long a cache keeps an answer. */
  const network = {
    requestDelay: 0,
    responseDelay: 0,
    state: "up" as "up" | "failing" | "silent",
    cacheFor: 0,
  };
  const cursors: number[] = [];
  const failures: Refusal[] = [];
  const background: Promise<unknown>[] = [];
  const cache = new Map<number, RevocationDelta>();

  const since: RevocationLog["since"] = async (cursor) => {
    cursors.push(cursor);
    const { requestDelay, responseDelay, state, cacheFor } = network;
    if (requestDelay > 0) await time.wait(requestDelay);
    if (state === "failing") throw new Error("no network");
    if (state === "silent") return new Promise(() => {});
    const cached = cache.get(cursor);
    const delta = cached !== undefined && time.now - cached.asOf < cacheFor ? cached : await log.since(cursor);
    cache.set(cursor, delta);
    if (responseDelay > 0) await time.wait(responseDelay);
    return delta;
  };

  const watch = watchRevocations({
    log: { since },
    clock: time.clock,
    timer: time.timer,
    maxAge: milliseconds(2_000),
    failure: "closed",
    onFailure: (refusal) => failures.push(refusal),
    ...parts,
  });
  const waitUntil = (work: Promise<unknown>) => void background.push(work);
  return {
    time,
    log,
    network,
    cursors,
    failures,
    background,
    revoke: (value: string) => log.append([sessionEntry(value)], "viewer"),
    /** The ids of the revoked sessions, or undefined if a request must wait for them. */
    atHand: () => {
      const snapshot = watch.atHand(waitUntil);
      return snapshot && [...snapshot.entries.session.keys()];
    },
    current: async () => {
      const result = await watch.current(waitUntil);
      return result.ok ? [...result.value.entries.session.keys()] : result.refusal.code;
    },
    fresh: async () => {
      const result = await watch.fresh();
      return result.ok ? [...result.value.entries.session.keys()] : result.refusal.code;
    },
  };
}
