import { ok, type Result, refuse } from "../base/result.ts";
import { after, type Clock, type Seconds, seconds, type UnixSeconds, unixSeconds } from "../base/time.ts";
import type { EdgeKey } from "../keys/key.ts";
import { isAccepted, type KeyRing, keysFor } from "../keys/ring.ts";
import { longestSilence, type RevocationDelta } from "../sessions/revocation.ts";
import { bringInStep, type KnownStore, type WritableStore } from "./keep-in-step.ts";
import { StoreContents, storeBytes } from "./store-contents.ts";
import type { PackedState } from "./store-entries.ts";

/** The times of a store's writer. With AWS's propagation (about 15 s) the cycle is what a revocation takes. */
export const cycleTimes = {
  /** From the end of a cycle to the next. */
  cycle: seconds(5),
  /** The longest pause after failures, which doubles from a cycle on. */
  longestPause: seconds(60),
  /** How long the function uses the store after its last write: a writer that is silent for longer stops the viewers. */
  lifetime: seconds(3600),
  /**
   * How often the packed entry is written at least, with a new lifetime. A writer that begins again finds in it until when the
   * log was followed, which is more than `longestSilence` ago only if nobody followed it.
   */
  rewrite: seconds(longestSilence / 2),
  /** How often entries that have expired are removed, and the store is compared with what this writer left in it. */
  sweep: seconds(60),
} as const;

/** The revocation log as its follower sees it. It rejects if the log does not answer. */
export interface FollowedLog {
  readonly since: (cursor: number, detail: "full") => Promise<Omit<RevocationDelta, "asOf">>;
}

/** A store as its last cycle left it. */
export interface StoreStatus {
  /** When it was last in step with the log. */
  readonly inStepAt: UnixSeconds;
  /** When the packed entry was last written, and when the function stops using it. */
  readonly writtenAt: UnixSeconds;
  readonly until: UnixSeconds;
  readonly entries: number;
  readonly bytes: number;
  readonly capacity: number;
  /** Entries that had no room: the manifest host renews expired URLs while there are any. */
  readonly dropped: number;
  /** The share of other viewers' requests, from 0 to 1, that revoked viewers and tokens send to the manifest host. */
  readonly filtered: number;
  /** The kids of the session keys in it. */
  readonly kids: readonly string[];
}

/** What failed: the revocation log, the store, the keys, or entries that have no room: the others were written. */
type CycleFault = "log" | "store" | "keys" | "room";

interface Written {
  readonly store: StoreStatus;
  readonly puts: number;
  readonly deletes: number;
}

interface Failure {
  readonly fault: CycleFault;
  readonly detail: string;
}

/** The result of a cycle. `next` is the time until the next one should begin. */
export type CycleResult =
  | (Written & { readonly status: "in_step"; readonly next: Seconds })
  | (Failure & {
      readonly status: "failed";
      /** The last state that was written. */
      readonly store: StoreStatus | undefined;
      readonly next: Seconds;
    });

/** The keys that a store needs: all that are accepted, also those that do not sign yet or any more. */
export function storeKeys(ring: KeyRing, now: UnixSeconds): readonly EdgeKey[] {
  return keysFor(ring, "cloudfront-session").filter((key) => isAccepted(key, now));
}

export interface StoreCycleParts {
  readonly log: FollowedLog;
  readonly store: WritableStore;
  readonly clock: Clock;
  /** In bytes; AWS's quota. */
  readonly capacity?: number;
  /** Who renews expired URLs while no entries are missing; the function. */
  readonly renewal?: PackedState["renewal"] | undefined;
}

/**
 * Keeps one store in step with the revocation log, a cycle at a time. It remembers the log's cursor and the store's state;
 * a new one reads both from the beginning. There should be one per store: of several with different keys or logs, each removes
 * what the others wrote, at its next sweep at the latest.
 */
export class StoreCycle {
  readonly #log: FollowedLog;
  readonly #store: WritableStore;
  readonly #clock: Clock;
  readonly #capacity: number;
  readonly #renewal: PackedState["renewal"] | undefined;
  readonly #contents = new StoreContents();
  #hasBegun = false;
  #cursor = 0;
  #answeredAt: UnixSeconds | undefined;
  #notBefore: UnixSeconds | undefined;
  #known: KnownStore | undefined;
  #status: StoreStatus | undefined;
  #failures = 0;
  /** Whether the log changed since the entries were computed; when that was, and with which keys. */
  #isChanged = true;
  #computedAt = unixSeconds(0);
  #keys = "";
  /** How many entries the store should have and has no room for. */
  #lost = 0;

  constructor({ log, store, clock, capacity = storeBytes, renewal }: StoreCycleParts) {
    this.#renewal = renewal;
    this.#log = log;
    this.#store = store;
    this.#clock = clock;
    this.#capacity = capacity;
  }

  /** Reads the log to its end and writes what changed. Never rejects; a failed cycle leaves everything to the next. */
  async run(keys: readonly EdgeKey[]): Promise<CycleResult> {
    const written = await this.#bringInStep(keys);
    if (written.ok) {
      this.#failures = 0;
      return { status: "in_step", ...written.value, next: cycleTimes.cycle };
    }
    const pause = cycleTimes.cycle * 2 ** this.#failures;
    if (pause < cycleTimes.longestPause) this.#failures++;
    const next = seconds(Math.min(pause, cycleTimes.longestPause));
    return { status: "failed", ...written.refusal, store: this.#status, next };
  }

  async #bringInStep(keys: readonly EdgeKey[]): Promise<Result<Written, Failure>> {
    if (keys.length === 0)
      return refuse({
        fault: "keys",
        detail: "the key ring has no key with the purpose cloudfront-session that is accepted now",
      });
    if (this.#known === undefined) {
      const state = await attempt("store", this.#store.read());
      if (!state.ok) return state;
      if (!this.#hasBegun) this.#contents.adopt(state.value.entries, this.#clock(), cycleTimes.lifetime);
      this.#hasBegun = true;
      this.#known = state.value;
    }
    const followed = await this.#follow();
    return followed.ok ? this.#write(keys) : followed;
  }

  async #follow(): Promise<Result<undefined, Failure>> {
    const silence = this.#clock() - (this.#answeredAt ?? this.#clock());
    // The log forgets lifted entries and ends after a while.
    if (silence > longestSilence) {
      this.#cursor = 0;
      this.#contents.missEnds(this.#clock());
    }
    for (let more = true; more; ) {
      const from = this.#cursor;
      const answer = await attempt("log", this.#log.since(from, "full"));
      if (!answer.ok) return answer;
      const page = answer.value;
      if (page.more && page.cursor <= from && !page.reset)
        return refuse({ fault: "log", detail: "a page leads to itself" });
      const reset = page.reset || from === 0;
      if (reset || page.entries.length > 0 || page.notBefore !== this.#notBefore) this.#isChanged = true;
      this.#contents.apply({ ...page, reset }, this.#clock());
      this.#cursor = page.cursor;
      this.#notBefore = page.notBefore;
      more = page.more;
    }
    this.#answeredAt = this.#clock();
    return ok(undefined);
  }

  async #write(keys: readonly EdgeKey[]): Promise<Result<Written, Failure>> {
    const now = this.#clock();
    const before = this.#status;
    // A clock that was ahead is no reason to wait until it is that time again.
    const isRecent = (time: UnixSeconds, length: Seconds) => time <= now && now < after(time, length);
    const isDue = before === undefined || !isRecent(before.writtenAt, cycleTimes.rewrite);
    const keysNow = keys.map(({ kid, k, exp }) => `${kid}:${k}:${exp}`).join();
    const isSwept = isRecent(this.#computedAt, cycleTimes.sweep);
    if (!isDue && keysNow === this.#keys && isSwept && !this.#isChanged) {
      const store = { ...before, inStepAt: now };
      this.#status = store;
      return this.#inRoom({ store, puts: 0, deletes: 0 });
    }
    const until = isDue ? after(now, cycleTimes.lifetime) : before.until;
    const wanted = this.#contents.wanted(now, { keys, until, renewal: this.#renewal }, this.#capacity);
    if (!wanted.ok) return refuse({ fault: "room", detail: wanted.refusal });
    const known = this.#known;
    // If this fails, nothing is known about the store.
    this.#known = undefined;
    const answer = await attempt("store", bringInStep(this.#store, wanted.value.entries, known));
    if (!answer.ok) return answer;
    if (!answer.value.ok) return refuse({ fault: "store", detail: "somebody else writes to it all the time" });
    const { puts, deletes, ...state } = answer.value.value;
    this.#known = state;
    this.#isChanged = false;
    this.#computedAt = now;
    this.#keys = keysNow;
    const { entries, bytes, dropped, lost, filtered } = wanted.value;
    this.#status = {
      ...{ inStepAt: now, writtenAt: isDue ? now : before.writtenAt, until },
      ...{
        entries: entries.size,
        bytes,
        capacity: this.#capacity,
        dropped,
        filtered,
        kids: keys.map(({ kid }) => kid),
      },
    };
    this.#lost = lost;
    return this.#inRoom({ store: this.#status, puts, deletes });
  }

  /** The store was written, but a failure if entries are missing that must not. */
  #inRoom(written: Written): Result<Written, Failure> {
    if (this.#lost === 0) return ok(written);
    const detail =
      `the store has ${this.#capacity} bytes, and ${this.#lost} entries that must not be left out have no room, so that sessions that ` +
      "were ended play on until their URLs expire: revoke the viewers or an asset with npx stagedoor revoke in place of single sessions";
    return refuse({ fault: "room", detail });
  }
}

/** The value of a port's promise; its rejection is this fault. */
async function attempt<Value>(fault: CycleFault, work: Promise<Value>): Promise<Result<Value, Failure>> {
  try {
    return ok(await work);
  } catch (error) {
    return refuse({ fault, detail: error instanceof Error ? error.message : "it failed" });
  }
}
