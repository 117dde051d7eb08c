import { endOf, type QuotaStatus, type RatePolicy, type RateWindow, takeFrom } from "../auth/rate-limit.ts";
import { earlier, later, type Seconds, seconds, type UnixSeconds, unixSeconds } from "../base/time.ts";
import type { StartedBy } from "./lease.ts";
import type { RevocationCause } from "./revocation.ts";

/** The stored row of one session. Its lease lasts until `leaseUntil`, unless the session was ended. */
export interface LeaseRow {
  readonly sessionId: string;
  /** Empty if the session was ended before it was first seen. */
  readonly assetId: string;
  /** The `loginDigest` of its last claim. */
  readonly login: string | undefined;
  /** Of its first claim, if a backend made that. */
  readonly startedBy?: StartedBy | undefined;
  readonly startedAt: UnixSeconds;
  readonly seenAt: UnixSeconds;
  /** When its last grant expires. */
  readonly expiresAt: UnixSeconds;
  readonly leaseUntil: UnixSeconds;
  /** The stream limit of its last claim. */
  readonly limit: number | undefined;
  readonly ended: RevocationCause | undefined;
  readonly networks: readonly NetworkSeen[];
}

/** A network that a session was seen in, hashed under the {@link LeaseRows.networkKey}. */
export interface NetworkSeen {
  readonly network: string;
  /** When the media host last saw the session there; 0 if it never did. */
  readonly seenAt: UnixSeconds;
  /** Whether the session was started, renewed or loaded a playlist there: the client has more than a segment URL. */
  readonly trusted: boolean;
}

export const markerKinds = ["moved_to", "moved_from", "signed_out", "shared_login"] as const;

/**
 * A fact about another name of the subject, or about a login, with an expiry. `moved_to`, `moved_from`: the subject's
 * streams moved to or from that name when the session key changed. `signed_out`: the viewer signed out of that login.
 * `shared_login`: a session of that login was renewed from another login, so grants of both are in use.
 */
export interface Marker {
  readonly kind: (typeof markerKinds)[number];
  readonly name: string;
  readonly until: UnixSeconds;
}

/** The port to one subject's stored rows. Synchronous: a decision and its writes are one step. */
export interface LeaseRows extends QuotaRows {
  /** All rows, in the order of their first write. */
  all(): Iterable<LeaseRow>;
  /** Writes or replaces a row. */
  put(row: LeaseRow): void;
  remove(sessionId: string): void;
  markers(): Iterable<Marker>;
  putMarker(marker: Marker): void;
  removeMarker(marker: Marker): void;
  /** The key of the network hashes in these rows, in base64url; undefined before the first hash. */
  networkKey(): string | undefined;
  putNetworkKey(key: string): void;
}

/** The row for a session that is ended and has none: it must not come back. */
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

/** The stored use of one of a subject's quotas. */
export interface QuotaUsed extends RateWindow {
  /** The policy's name. */
  readonly name: string;
  /** The window's length at the last count. */
  readonly length: Seconds;
}

/** The port to one subject's stored quotas. Synchronous, like {@link LeaseRows}. */
interface QuotaRows {
  quotas(): Iterable<QuotaUsed>;
  putQuota(used: QuotaUsed): void;
  removeQuota(name: string): void;
}

/**
 * One subject's quotas, counted in the lease object, so that a start needs only one request. Each count is stored
 * before the answer: neither a restart nor a new name of the subject resets a quota.
 */
export class LeaseQuotas {
  readonly #store: QuotaRows;
  readonly #used = new Map<string, QuotaUsed>();

  constructor(store: QuotaRows) {
    this.#store = store;
    for (const used of store.quotas()) this.#used.set(used.name, used);
  }

  /** Counts one request; see {@link takeFrom}. */
  take(policy: RatePolicy, now: UnixSeconds): QuotaStatus {
    const known = this.#used.get(policy.name);
    const { window, standing } = takeFrom(known, policy, now);
    if (window !== known) this.#write({ ...window, name: policy.name, length: policy.window });
    return standing;
  }

  all(): readonly QuotaUsed[] {
    return [...this.#used.values()];
  }

  /** Adds the use under an older name. That name forwards its requests from now on, so nothing is counted twice. */
  takeOver(quotas: readonly QuotaUsed[]): void {
    for (const used of quotas) {
      const known = this.#used.get(used.name);
      const all = known === undefined ? used : together(known, used);
      if (all !== known) this.#write(all);
    }
  }

  /** When the first window ends; undefined if there is none. */
  get nextEnd(): UnixSeconds | undefined {
    const ends = this.all().map(endOfUsed);
    return ends.length === 0 ? undefined : ends.reduce(earlier);
  }

  /** When the last window ends, or `until` if that is later. */
  lastEnd(until: UnixSeconds): UnixSeconds {
    return this.all().map(endOfUsed).reduce(later, until);
  }

  /** Removes windows that have ended. */
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

/**
 * Merges the windows of two names of a subject. If they overlap, the newer name began with the count of the older one.
 */
function together(a: QuotaUsed, b: QuotaUsed): QuotaUsed {
  const [first, second] = a.startedAt <= b.startedAt ? [a, b] : [b, a];
  if (endOfUsed(first) <= second.startedAt) return second;
  return first.count >= second.count ? first : { ...first, count: second.count };
}

function endOfUsed(used: QuotaUsed): UnixSeconds {
  return unixSeconds(Math.ceil(endOf(used, { window: seconds(used.length) })));
}
