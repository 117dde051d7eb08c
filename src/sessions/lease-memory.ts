import { makeRoom } from "../base/bounded-map.ts";
import { defaultLeaseTtl } from "../base/constants.ts";
import { after, earlier, type Seconds, seconds, type UnixSeconds } from "../base/time.ts";
import { networkName } from "./identifiers.ts";
import type { RevocationCause } from "./revocation.ts";

/**
 * What to do with a request of a session. `granted`: admit it, its lease was checked recently. `due`: admit it, and
 * check the lease in the background. `limited`, `elsewhere`: refuse it, as the store did a moment ago. `ended`: refuse
 * it with its {@link LeaseMemory.causeOf}. `unknown`: check the lease first.
 */
type LeaseLook = "granted" | "due" | "limited" | "elsewhere" | "ended" | "unknown";

/** An isolate's memory of leases: it asks the store at most once per `refreshAfter`, session and network. */
export interface LeaseMemory {
  /**
   * Returns `due` once per `refreshAfter`; if that check fails, the next one follows after another `refreshAfter`. The
   * first `playlist` in a network is `due` as well, since the network is trusted from then on.
   */
  look(sessionId: string, network: string | undefined, now: UnixSeconds, playlist?: boolean): LeaseLook;
  /**
   * Admits an `unknown` session without a check, and remembers that, if its grant was issued less than half a lease ago
   * (so the lease of its claim still lasts), it was admitted in no other network, and it was not refused in this one.
   * The first check is `due` at half a lease. A grant from the future is always checked: a clock is wrong.
   */
  admitNew(session: NewSession, network: string | undefined, now: UnixSeconds, playlist?: boolean): boolean;
  /** Another network in which {@link admitNew} admitted the session, and that the store does not know yet. */
  untold(sessionId: string, network: string | undefined, now: UnixSeconds): UntoldNetwork | undefined;
  /** Whether the session is known to have loaded a playlist in a network. */
  loadedPlaylist(sessionId: string, network: string | undefined): boolean;
  /** Remembers a `granted` answer to a request of `now`, its `until`, and whether the request was for a playlist. */
  keep(sessionId: string, network: string | undefined, now: UnixSeconds, until: UnixSeconds, playlist?: boolean): void;
  /** Remembers `limited` for two seconds: a player that keeps retrying costs one check in that time. */
  limit(sessionId: string, now: UnixSeconds): void;
  /** Remembers `elsewhere` for two seconds, for one network of a session. */
  refuse(sessionId: string, network: string | undefined, now: UnixSeconds): void;
  /** Remembers for good that a session was ended: a player that keeps retrying costs no further check. */
  end(sessionId: string, cause: RevocationCause): void;
  /** The cause for a session for which `look` returns `ended`. */
  causeOf(sessionId: string): RevocationCause;
}

/** The claims of a session's grant. */
interface NewSession {
  readonly sessionId: string;
  readonly issuedAt: UnixSeconds;
  readonly expiresAt: UnixSeconds;
}

interface UntoldNetwork {
  readonly network: string | undefined;
  readonly playlist: boolean;
}

interface Kept {
  dueAt: UnixSeconds;
  readonly until: UnixSeconds;
  playlist: boolean;
  /** Whether the store knows of the session in this network. */
  readonly told: boolean;
}

/** How long `limited` and `elsewhere` are remembered: the longest that a viewer waits once they are allowed again. */
const refusedFor = seconds(2);

/** Maximum number of remembered networks per session. */
const networksKept = 16;

/** `capacity` is the maximum number of remembered sessions. */
export function rememberLeases(options: { readonly capacity: number; readonly leaseTtl?: Seconds }): LeaseMemory {
  const { capacity, leaseTtl = defaultLeaseTtl } = options;
  const refreshAfter = seconds(Math.min(30, leaseTtl / 3));
  const firstAfter = seconds(leaseTtl / 2);
  const sessions = new Map<string, Map<string | undefined, Kept>>();
  const limited = new Map<string, UnixSeconds>();
  const elsewhere = new Map<string, UnixSeconds>();
  const ended = new Map<string, RevocationCause>();
  const put = (sessionId: string, network: string | undefined, kept: Kept) => {
    // An answer from before the end may arrive after it.
    if (ended.has(sessionId)) return;
    const networks = sessions.get(sessionId) ?? new Map<string | undefined, Kept>();
    // Insert again, so that the least recently checked session is dropped first.
    sessions.delete(sessionId);
    makeRoom(sessions, capacity);
    sessions.set(sessionId, networks);
    const playlist = kept.playlist || networks.get(network)?.playlist === true;
    networks.delete(network);
    makeRoom(networks, networksKept);
    networks.set(network, { ...kept, playlist });
  };
  return {
    look(sessionId, network, now, playlist = false) {
      const kept = sessions.get(sessionId)?.get(network);
      if (kept === undefined || kept.until <= now) {
        if (ended.has(sessionId)) return "ended";
        if ((limited.get(sessionId) ?? 0) > now) return "limited";
        // A playlist request is checked again: it can make the network trusted.
        return !playlist && (elsewhere.get(placeOf(sessionId, network)) ?? 0) > now ? "elsewhere" : "unknown";
      }
      const isNews = playlist && !kept.playlist && kept.told;
      kept.playlist ||= playlist;
      if (!isNews && kept.dueAt > now) return "granted";
      kept.dueAt = after(now, refreshAfter);
      return "due";
    },
    admitNew({ sessionId, issuedAt, expiresAt }, network, now, playlist = false) {
      const dueAt = after(issuedAt, firstAfter);
      if (now < issuedAt || now >= dueAt) return false;
      // A renewal issues a new grant, which must not admit a refused network without a check.
      if (elsewhere.has(placeOf(sessionId, network))) return false;
      for (const [other, { until }] of sessions.get(sessionId) ?? [])
        if (until > now && !isSameNetwork(other, network)) return false;
      const until = earlier(after(issuedAt, leaseTtl), expiresAt);
      put(sessionId, network, { dueAt, until, playlist, told: false });
      return true;
    },
    untold(sessionId, network, now) {
      for (const [other, { told, until, playlist }] of sessions.get(sessionId) ?? [])
        if (!told && until > now && !isSameNetwork(other, network)) return { network: other, playlist };
      return undefined;
    },
    loadedPlaylist: (sessionId, network) => sessions.get(sessionId)?.get(network)?.playlist === true,
    keep(sessionId, network, now, until, playlist = false) {
      elsewhere.delete(placeOf(sessionId, network));
      put(sessionId, network, { dueAt: after(now, refreshAfter), until, playlist, told: true });
    },
    limit(sessionId, now) {
      sessions.delete(sessionId);
      limited.delete(sessionId);
      makeRoom(limited, capacity);
      limited.set(sessionId, after(now, refusedFor));
    },
    refuse(sessionId, network, now) {
      sessions.get(sessionId)?.delete(network);
      const place = placeOf(sessionId, network);
      elsewhere.delete(place);
      makeRoom(elsewhere, capacity);
      elsewhere.set(place, after(now, refusedFor));
    },
    end(sessionId, cause) {
      sessions.delete(sessionId);
      ended.delete(sessionId);
      makeRoom(ended, capacity);
      ended.set(sessionId, cause);
    },
    causeOf: (sessionId) => ended.get(sessionId) ?? "revoked",
  };
}

/** Whether two addresses are in the same network: one household has many IPv6 addresses. */
function isSameNetwork(one: string | undefined, other: string | undefined): boolean {
  if (one === other) return true;
  const name = networkName(one);
  return name !== undefined && name === networkName(other);
}

function placeOf(sessionId: string, network: string | undefined): string {
  return `${sessionId} ${network}`;
}
