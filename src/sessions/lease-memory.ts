import { makeRoom } from "../base/oldest-out.ts";
import { after, type Seconds, seconds, type UnixSeconds } from "../base/seconds.ts";
import type { RevocationCause } from "./revocation.ts";

/**
/**
 * What to do about a request of a session. `held`: nothing, it holds its lease and that was asked for lately. `due`: let it
 * pass, and ask in the background. `limited` and `elsewhere`: refuse it, that was the answer a moment ago. `ended`: refuse it for
 * its {@link LeaseMemory.causeOf}. `unknown`: ask first.
 */
export type LeaseLook = "held" | "due" | "limited" | "elsewhere" | "ended" | "unknown";

/** What an isolate remembers of leases, so that it asks at most once a `refreshAfter` for a session and network. */
export interface LeaseMemory {
  /**
   * Only one request in `refreshAfter` is told `due`; where its question fails, the next is told so after another. The first
   * `playlist` in a network is `due` as well: the network is trusted from then on.
   */
  look(sessionId: string, network: string | undefined, now: UnixSeconds, playlist?: boolean): LeaseLook;
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

interface Kept {
  askedAt: UnixSeconds;
  until: UnixSeconds;
  playlist: boolean;
}

/** How long an answer `limited` or `elsewhere` counts: a viewer who may go on again waits no longer. */
const refusedFor = seconds(2);

/** How many networks are remembered of one session. */
const networksKept = 16;

/** `capacity` is how many sessions are remembered. Of a lease that lasts T, `refreshAfter` is to be T/3 at most. */
export function rememberLeases(options: { readonly capacity: number; readonly refreshAfter?: Seconds }): LeaseMemory {
  const { capacity, refreshAfter = seconds(30) } = options;
  const sessions = new Map<string, Map<string | undefined, Kept>>();
  const limited = new Map<string, UnixSeconds>();
  const elsewhere = new Map<string, UnixSeconds>();
  const ended = new Map<string, RevocationCause>();
  return {
    look(sessionId, network, now, playlist = false) {
      const kept = sessions.get(sessionId)?.get(network);
      if (kept === undefined || kept.until <= now) {
        if (ended.has(sessionId)) return "ended";
        if ((limited.get(sessionId) ?? 0) > now) return "limited";
        // A playlist is reason to ask again.
        return !playlist && (elsewhere.get(placeOf(sessionId, network)) ?? 0) > now ? "elsewhere" : "unknown";
      }
      const isNews = playlist && !kept.playlist;
      if (!isNews && after(kept.askedAt, refreshAfter) > now) return "held";
      kept.askedAt = now;
      kept.playlist ||= playlist;
      return "due";
    },
    loadedPlaylist: (sessionId, network) => sessions.get(sessionId)?.get(network)?.playlist === true,
    keep(sessionId, network, now, until, playlist = false) {
      // An answer from before the end, which arrives after it.
      if (ended.has(sessionId)) return;
      const networks = sessions.get(sessionId) ?? new Map<string | undefined, Kept>();
      // Put in anew, so that those go first that were not asked about for longest.
      sessions.delete(sessionId);
      makeRoom(sessions, capacity);
      sessions.set(sessionId, networks);
      const before = networks.get(network);
      networks.delete(network);
      makeRoom(networks, networksKept);
      networks.set(network, { askedAt: now, until, playlist: playlist || before?.playlist === true });
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

function placeOf(sessionId: string, network: string | undefined): string {
  return `${sessionId} ${network}`;
}
