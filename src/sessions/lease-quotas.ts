import { earlier, later, type Seconds, seconds, type UnixSeconds, unixSeconds } from "../base/seconds.ts";
import { endOf, type RateWindow, takeFrom } from "../limits/fixed-window.ts";
import type { RatePolicy, RateStanding } from "../limits/rate-limit.ts";

/** How much of a quota a subject has used, as it is written down. */
export interface QuotaUsed extends RateWindow {
  /** The policy's name. */
  readonly name: string;
  /** The window's length when it was last counted in. */
  readonly length: Seconds;
}

/** The port to where one subject's quotas are kept. Synchronous, as the rows of leases are. */
export interface QuotaRows {
  quotas(): Iterable<QuotaUsed>;
  putQuota(used: QuotaUsed): void;
  removeQuota(name: string): void;
}

/**
 * One subject's quotas, counted where the leases are, so that a start asks one object for both. What is counted is written down
 * before it is answered: neither a restart nor a change of the subject's name gives a fresh quota.
 */
export class LeaseQuotas {
  readonly #store: QuotaRows;
  readonly #used = new Map<string, QuotaUsed>();

  constructor(store: QuotaRows) {
    this.#store = store;
    for (const used of store.quotas()) this.#used.set(used.name, used);
  }

  /** Counts one more; see {@link takeFrom}. */
  take(policy: RatePolicy, now: UnixSeconds): RateStanding {
    const known = this.#used.get(policy.name);
    const { window, standing } = takeFrom(known, policy, now);
    if (window !== known) this.#write({ ...window, name: policy.name, length: policy.window });
    return standing;
  }

  all(): readonly QuotaUsed[] {
    return [...this.#used.values()];
  }

  /** Takes what an older name has used. The older name sends on what it is asked by now, so what both know is counted once. */
  takeOver(quotas: readonly QuotaUsed[]): void {
    for (const used of quotas) {
      const known = this.#used.get(used.name);
      const all = known === undefined ? used : together(known, used);
      if (all !== known) this.#write(all);
    }
  }

  /** When the first of the windows is over, where there is one. */
  get nextEnd(): UnixSeconds | undefined {
    const ends = this.all().map(endOfUsed);
    return ends.length === 0 ? undefined : ends.reduce(earlier);
  }

  /** When the last of the windows is over, or `until` where that is later. */
  lastEnd(until: UnixSeconds): UnixSeconds {
    return this.all().map(endOfUsed).reduce(later, until);
  }

  /** Removes the windows that are over. */
  prune(now: UnixSeconds): void {
    for (const used of this.all()) {
      if (endOfUsed(used) > now) continue;
      this.#store.removeQuota(used.name);
      this.#used.delete(used.name);
    }
  }

  #write(used: QuotaUsed): void {
    this.#store.putQuota(used);
    this.#used.set(used.name, used);
  }
}

/** One window for two names of a subject: where the windows overlap the newer name began with the count of the older one. */
function together(a: QuotaUsed, b: QuotaUsed): QuotaUsed {
  const [first, second] = a.startedAt <= b.startedAt ? [a, b] : [b, a];
  if (endOfUsed(first) <= second.startedAt) return second;
  return first.count >= second.count ? first : { ...first, count: second.count };
}

function endOfUsed(used: QuotaUsed): UnixSeconds {
  return unixSeconds(Math.ceil(endOf(used, { window: seconds(used.length) })));
}
