import { endOf, type QuotaStatus, type RatePolicy, type RateWindow, takeFrom } from "../auth/rate-limit.ts";
import { earlier, later, type Seconds, seconds, type UnixSeconds, unixSeconds } from "../base/time.ts";
import type { RevocationCause } from "./revocation.ts";

/** What is written down of one session. A lease is held until `leaseUntil`, unless the session was ended. */
export interface LeaseRow {
  readonly sessionId: string;
  /** Empty where a session was ended that nobody had seen before. */
  readonly assetId: string;
  /** The name of the login that it came from. */
  readonly login: string | undefined;
  readonly startedAt: UnixSeconds;
  readonly seenAt: UnixSeconds;
  /** When the last of its grants ends. */
  readonly expiresAt: UnixSeconds;
  readonly leaseUntil: UnixSeconds;
  /** The limit on the subject's streams that it was claimed with. */
  readonly limit: number | undefined;
  readonly ended: RevocationCause | undefined;
  readonly networks: readonly NetworkSeen[];
}

/** A network by its hash, under the {@link LeaseRows.networkKey} of the rows that it is in. */
export interface NetworkSeen {
  readonly network: string;
  /** When the media host last saw the session there; 0 where it never did. */
  readonly seenAt: UnixSeconds;
  /** Whether the session was started or renewed there, or loaded a playlist there: more than one segment URL is known there. */
  readonly trusted: boolean;
}

/**
 * A fact about another name of the subject, or about a login, that is kept until a time. `moved_to`, `moved_from`: the subject's
 * streams moved to or from that name when the session key changed. `signed_out`: the viewer signed out of that login.
 * `shared_login`: a session of that login was renewed from another login, so grants of both are in use.
 */
export interface Marker {
  readonly kind: "moved_to" | "moved_from" | "signed_out" | "shared_login";
  readonly name: string;
  readonly until: UnixSeconds;
}

/** The port to where one subject's rows are kept. Synchronous: a decision and what it writes are one step. */
export interface LeaseRows extends QuotaRows {
  /** All of them, in the order in which they first came. */
  all(): Iterable<LeaseRow>;
  /** Writes or replaces a row. */
  put(row: LeaseRow): void;
  remove(sessionId: string): void;
  markers(): Iterable<Marker>;
  putMarker(marker: Marker): void;
  removeMarker(marker: Marker): void;
  /** The key of the hashes that stand for networks in these rows, in base64url; undefined before there is one. */
  networkKey(): string | undefined;
  putNetworkKey(key: string): void;
}

/** A session that is ended and has no row. All that is known of it is that it must not come back. */
export function unseen(sessionId: string, expiresAt: UnixSeconds, leaseUntil: UnixSeconds): LeaseRow {
  const never = unixSeconds(0);
  return {
    sessionId,
    assetId: "",
    login: undefined,
    startedAt: never,
    seenAt: never,
    expiresAt,
    leaseUntil,
    limit: undefined,
    ended: undefined,
    networks: [],
  };
}

/** How much of a quota a subject has used, as it is written down. */
export interface QuotaUsed extends RateWindow {
  /** The policy's name. */
  readonly name: string;
  /** The window's length when it was last counted in. */
  readonly length: Seconds;
}

/** The port to where one subject's quotas are kept. Synchronous, as the rows of leases are. */
interface QuotaRows {
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
  take(policy: RatePolicy, now: UnixSeconds): QuotaStatus {
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
