import { makeRoom } from "../base/bounded-map.ts";
import { defaultLeaseTtl } from "../base/constants.ts";
import { after, earlier, type Seconds, seconds, type UnixSeconds } from "../base/time.ts";
import { networkName } from "./identifiers.ts";
import type { RevocationCause } from "./revocation.ts";

/**
 * What to do about a request of a session. `held`: nothing, it holds its lease and that was asked for lately. `due`: let it
 * pass, and ask in the background. `limited` and `elsewhere`: refuse it, that was the answer a moment ago. `ended`: refuse it for
 * its {@link LeaseMemory.causeOf}. `unknown`: ask first.
 */
type LeaseLook = "granted" | "due" | "limited" | "elsewhere" | "ended" | "unknown";

/** What an isolate remembers of leases, so that it asks at most once a `refreshAfter` for a session and network. */
export interface LeaseMemory {
  /**
   * Only one request in `refreshAfter` is told `due`; where its question fails, the next is told so after another. The first
   * `playlist` in a network is `due` as well: the network is trusted from then on.
   */
  look(sessionId: string, network: string | undefined, now: UnixSeconds, playlist?: boolean): LeaseLook;
  /**
   * Whether a session that is `unknown` may go on without a question, which is remembered: its grant was issued less than
   * half a lease ago, so the lease that was claimed for it lasts, it has been admitted in no other network, and it was not
   * refused in this one. The first question is `due` at half a lease. A grant from the future is asked about: a clock is wrong.
   */
  admitNew(session: NewSession, network: string | undefined, now: UnixSeconds, playlist?: boolean): boolean;
  /** Another network in which the session was admitted by {@link admitNew}, and nobody has been told yet. */
  untold(sessionId: string, network: string | undefined, now: UnixSeconds): UntoldNetwork | undefined;
  /** Whether the session has loaded a playlist in a network, as far as is known. */
  loadedPlaylist(sessionId: string, network: string | undefined): boolean;
  /** Keeps an answer `held`: what was asked at `now`, the answer's `until`, and whether a playlist was loaded. */
  keep(sessionId: string, network: string | undefined, now: UnixSeconds, until: UnixSeconds, playlist?: boolean): void;
  /** Keeps an answer `limited` for two seconds: a player that goes on asking all the same costs one question in that time. */
  limit(sessionId: string, now: UnixSeconds): void;
  /** Keeps an answer `elsewhere` for two seconds, for one network of a session. */
  refuse(sessionId: string, network: string | undefined, now: UnixSeconds): void;
  /** Remembers for good that a session was ended: a player that goes on asking all the same costs no further question. */
  end(sessionId: string, cause: RevocationCause): void;
  /** Why a session was ended of which `look` says so. */
  causeOf(sessionId: string): RevocationCause;
}

/** What a grant says of its session. */
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
  /** Whether the session's lease was asked for from this network. */
  readonly told: boolean;
}

/** How long an answer `limited` or `elsewhere` counts: a viewer who may go on again waits no longer. */
const refusedFor = seconds(2);

/** How many networks are remembered of one session. */
const networksKept = 16;

/** `capacity` is how many sessions are remembered, and `leaseTtl` how long a lease lasts: 90 s. */
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
    // Put in again, so that those go first that were not asked about for longest.
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
        // A playlist is reason to ask again.
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
      // A renewal makes a new grant: a network that was refused does not come in by it unasked.
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

/** Whether two addresses are in the same network: one household has many of IPv6. */
function isSameNetwork(one: string | undefined, other: string | undefined): boolean {
  if (one === other) return true;
  const name = networkName(one);
  return name !== undefined && name === networkName(other);
}

function placeOf(sessionId: string, network: string | undefined): string {
  return `${sessionId} ${network}`;
}
