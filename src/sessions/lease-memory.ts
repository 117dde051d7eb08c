import { makeRoom } from "../base/oldest-out.ts";
import { after, type Seconds, seconds, type UnixSeconds } from "../base/seconds.ts";

/**
 * What to do about a session that asks for something. `held`: nothing, it holds its lease and that was asked for lately.
 * `due`: let it pass, and ask in the background. `limited`: refuse it, that was the answer a moment ago. `unknown`: ask first.
 */
export type LeaseLook = "held" | "due" | "limited" | "unknown";

/** What an isolate remembers of leases, so that it asks at most once a `refreshAfter` for a session and network. */
export interface LeaseMemory {
  /** Only one request in `refreshAfter` is told `due`; where its question fails, the next is told so after another. */
  look(sessionId: string, network: string | undefined, now: UnixSeconds): LeaseLook;
  /** Keeps an answer `held`: what was asked at `now`, and the answer's `until`. */
  keep(sessionId: string, network: string | undefined, now: UnixSeconds, until: UnixSeconds): void;
  /** Keeps an answer `limited` for two seconds: a player that goes on asking all the same costs one question in that time. */
  limit(sessionId: string, now: UnixSeconds): void;
  /** Forgets a session in all its networks: it was ended. */
  drop(sessionId: string): void;
}

interface Kept {
  askedAt: UnixSeconds;
  until: UnixSeconds;
}

/** How long an answer `limited` counts: who may go on again waits no longer. */
const limitedFor = seconds(2);

/** How many networks are remembered of one session. */
const networksKept = 16;

/** `capacity` is how many sessions are remembered. Of a lease that lasts T, `refreshAfter` is to be T/3 at most. */
export function rememberLeases(options: { readonly capacity: number; readonly refreshAfter?: Seconds }): LeaseMemory {
  const { capacity, refreshAfter = seconds(30) } = options;
  const sessions = new Map<string, Map<string | undefined, Kept>>();
  const limited = new Map<string, UnixSeconds>();
  return {
    look(sessionId, network, now) {
      const kept = sessions.get(sessionId)?.get(network);
      if (kept === undefined || kept.until <= now) {
        const until = limited.get(sessionId);
        return until !== undefined && until > now ? "limited" : "unknown";
      }
      if (after(kept.askedAt, refreshAfter) > now) return "held";
      kept.askedAt = now;
      return "due";
    },
    keep(sessionId, network, now, until) {
      const networks = sessions.get(sessionId) ?? new Map<string | undefined, Kept>();
      // Put in anew, so that those go first that were not asked about for longest.
      sessions.delete(sessionId);
      makeRoom(sessions, capacity);
      sessions.set(sessionId, networks);
      networks.delete(network);
      makeRoom(networks, networksKept);
      networks.set(network, { askedAt: now, until });
    },
    limit(sessionId, now) {
      sessions.delete(sessionId);
      limited.delete(sessionId);
      makeRoom(limited, capacity);
      limited.set(sessionId, after(now, limitedFor));
    },
    drop(sessionId) {
      sessions.delete(sessionId);
    },
  };
}
