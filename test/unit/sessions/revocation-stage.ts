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

/** A time that passes only when it is told to, and what was put off until then. */
export class StageTime {
  now: UnixMilliseconds = unixMilliseconds(1_800_000_000_000);
  readonly #busy = new Set<Promise<unknown>>();
  #bells: { at: number; ring: () => void }[] = [];

  readonly clock = () => this.now;
  readonly timer: Timer = (length, ring) => this.#put(length * 1000, ring);
  readonly wait = (length: number) => new Promise<void>((resolve) => this.#put(length, resolve));

  #put(length: number, ring: () => void) {
    const bell = { at: this.now + length, ring };
    this.#bells.push(bell);
    return () => {
      this.#bells = this.#bells.filter((other) => other !== bell);
    };
  }

  /** Lets time pass; whatever falls due does so in its order, and all that follows from it has happened then. */
  async pass(length: number): Promise<void> {
    const end = this.now + length;
    await this.#settled();
    for (;;) {
      const [next] = this.#bells.filter(({ at }) => at <= end).toSorted((a, b) => a.at - b.at);
      if (next === undefined) break;
      this.#bells = this.#bells.filter((other) => other !== next);
      this.now = unixMilliseconds(Math.max(this.now, next.at));
      next.ring();
      await this.#settled();
    }
    this.now = unixMilliseconds(end);
  }

  /** What `work` comes to; time stands still until then. */
  still<Value>(work: Promise<Value>): Promise<Value> {
    this.#busy.add(work);
    const end = () => this.#busy.delete(work);
    work.then(end, end);
    return work;
  }

  /** Once every promise that could go on has done so. */
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

/** A watch over a log in memory, whose way can be made long or be cut. */
export function stage(parts: Partial<RevocationWatchParts> = {}, pageSize?: number) {
  const time = new StageTime();
  const log = memoryRevocationLog(time.clock, pageSize);
  /** How the log behaves: milliseconds there and back, whether it is down, and how old an answer may be kept on the way. */
  const way = { there: 0, back: 0, is: "up" as "up" | "failing" | "silent", keptFor: 0 };
  const asked: number[] = [];
  const failures: Refusal[] = [];
  const behind: Promise<unknown>[] = [];
  const kept = new Map<number, RevocationDelta>();

  const since: RevocationLog["since"] = async (cursor) => {
    asked.push(cursor);
    const { there, back, is, keptFor } = way;
    if (there > 0) await time.wait(there);
    if (is === "failing") throw new Error("no network");
    if (is === "silent") return new Promise(() => {});
    const found = kept.get(cursor);
    const delta = found !== undefined && time.now - found.asOf < keptFor ? found : await log.since(cursor);
    kept.set(cursor, delta);
    if (back > 0) await time.wait(back);
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
  const waitUntil = (work: Promise<unknown>) => void behind.push(work);
  return {
    time,
    log,
    way,
    asked,
    failures,
    behind,
    revoke: (value: string) => log.append([sessionEntry(value)], "viewer"),
    /** The values of the sessions that are known to be ended, or undefined where that has to be waited for. */
    atHand: () => {
      const snapshot = watch.atHand(waitUntil);
      return snapshot && [...snapshot.entries.session.keys()];
    },
    current: async () => {
      const result = await watch.current(waitUntil);
      return result.ok ? [...result.value.entries.session.keys()] : result.refusal.code;
    },
  };
}
