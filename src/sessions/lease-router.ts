import type { QuotaStatus, RatePolicy } from "../auth/rate-limit.ts";
import { after, later, type UnixSeconds } from "../base/time.ts";
import type {
  ClaimAnswer,
  EndedStream,
  LeaseClaim,
  LeaseTouch,
  LoginEnded,
  LoginEnding,
  RunningStream,
  StreamEnding,
  StreamState,
  StreamsOf,
  TouchAnswer,
} from "./lease.ts";
import type { HandedOver, LeaseStore } from "./lease-store.ts";

/**
 * Access to the streams that a subject has under one of its names (see {@link leaseRouter}). The callers are workers and
 * the routers of the subject's other names.
 */
export interface LeaseRouter {
  /** `own` is this router's name; `older` are the names whose streams it takes over first. */
  claim(claim: LeaseClaim, own: string, older: readonly string[]): Promise<ClaimAnswer>;
  take(policy: RatePolicy, now: UnixSeconds, own: string, older: readonly string[]): Promise<QuotaStatus>;
  touch(touch: LeaseTouch): Promise<TouchAnswer>;
  end(ending: StreamEnding): Promise<EndedStream>;
  endLogin(ending: LoginEnding): Promise<LoginEnded>;
  isSignedOut(login: string): Promise<boolean>;
  show(sessionId: string, now: UnixSeconds): Promise<StreamState | undefined>;
  /** Lists the running streams. Reads streams under `older` names without a takeover. */
  running(now: UnixSeconds, own: string, older: readonly string[]): Promise<readonly RunningStream[]>;
  handOver(to: string, until: UnixSeconds): Promise<HandedOver>;
}

/**
 * Answers from its store, or forwards to the newer name that the streams moved to. A subject's name is a keyed hash, so
 * a new session key gives the subject a new name, under which the stream count would restart at zero. Therefore the
 * first claim under the new name takes over the streams of the older names, which forward all requests from then on.
 */
export function leaseRouter(store: LeaseStore, routerOf: (name: string) => LeaseRouter): LeaseRouter {
  const takingOverFrom = new Set<string>();

  async function takeOver(from: string, to: string, until: UnixSeconds): Promise<void> {
    takingOverFrom.add(from);
    try {
      store.takeOver(from, await routerOf(from).handOver(to, until));
    } finally {
      takingOverFrom.delete(from);
    }
  }

  /**
   * Takes over the streams of older names. Returns the newer name that took over this name's own streams, or undefined
   * if there is none.
   */
  async function successorAfterTakeOver(own: string, older: readonly string[], now: UnixSeconds, until: UnixSeconds) {
    store.prune(now);
    if (store.successor() === undefined) {
      const from = older.filter((name) => name !== own && !store.tookFrom(name));
      await Promise.all(from.map((name) => takeOver(name, own, until)));
    }
    // Read again: a newer name may have taken over the streams in the meantime.
    return store.successor();
  }

  return {
    claim: async (claim, own, older) => {
      const successor = await successorAfterTakeOver(own, older, claim.now, claim.expiresAt);
      if (successor === undefined) return store.claim(claim);
      store.forwardedUntil(claim.expiresAt);
      return routerOf(successor).claim(claim, successor, []);
    },
    take: async (policy, now, own, older) => {
      const successor = await successorAfterTakeOver(own, older, now, after(now, policy.window));
      return successor === undefined ? store.take(policy, now) : routerOf(successor).take(policy, now, successor, []);
    },
    touch: async (touch) => {
      store.prune(touch.now);
      const successor = store.successor();
      if (successor === undefined) return store.touch(touch);
      store.forwardedUntil(touch.expiresAt);
      return routerOf(successor).touch(touch);
    },
    end: async (ending) => {
      const successor = store.successor();
      if (successor === undefined) return store.end(ending);
      store.forwardedUntil(ending.expiresAt);
      return routerOf(successor).end(ending);
    },
    endLogin: async (ending) => {
      const successor = store.successor();
      if (successor === undefined) return store.endLogin(ending);
      store.forwardedUntil(ending.until);
      return routerOf(successor).endLogin(ending);
    },
    isSignedOut: async (login) => {
      const successor = store.successor();
      return successor === undefined ? store.isSignedOut(login) : routerOf(successor).isSignedOut(login);
    },
    show: async (sessionId, now) => {
      const successor = store.successor();
      return successor === undefined ? store.show(sessionId, now) : routerOf(successor).show(sessionId, now);
    },
    running: async (now, own, older) => {
      const successor = store.successor();
      if (successor !== undefined) return routerOf(successor).running(now, successor, []);
      const from = older.filter((name) => name !== own && !store.tookFrom(name));
      const elsewhere = await Promise.all(from.map((name) => routerOf(name).running(now, name, [])));
      // Older names with the same successor list the same streams.
      const all = new Map([...elsewhere.flat(), ...store.running(now)].map((stream) => [stream.sessionId, stream]));
      return [...all.values()].toSorted((a, b) => a.startedAt - b.startedAt);
    },
    handOver: async (to, until) => {
      // Two names that take over from each other would forward in a circle. Both claims fail and can be retried.
      if (takingOverFrom.has(to)) throw new Error("two names of a subject take over from each other");
      return store.handOver(to, until);
    },
  };
}

/** The streams of all subjects, by the router of each name. */
export function streamsFrom(routerOf: (name: string) => LeaseRouter): StreamsOf {
  return (subject, older = []) => ({
    claim: async (claim) => routerOf(subject).claim(claim, subject, older),
    take: async (policy, now) => routerOf(subject).take(policy, now, subject, older),
    touch: async (touch) => routerOf(subject).touch(touch),
    end: async (ending) => routerOf(subject).end(ending),
    endLogin: async (ending) => endLoginAt([subject, ...older].map(routerOf), ending),
    isSignedOut: async (login) => isSignedOutAt([subject, ...older].map(routerOf), login),
    show: async (sessionId, now) => routerOf(subject).show(sessionId, now),
    running: async (now) => routerOf(subject).running(now, subject, older),
  });
}

/** Ends a login under every name of its subject: the streams of an older name may not have moved yet. */
async function endLoginAt(routers: readonly Pick<LeaseRouter, "endLogin">[], ending: LoginEnding): Promise<LoginEnded> {
  const ended = await Promise.all(routers.map((router) => router.endLogin(ending)));
  return {
    leaseUntil: ended.map(({ leaseUntil }) => leaseUntil).reduce(later, ending.now),
    complete: ended.every(({ complete }) => complete),
  };
}

/** Whether a login was ended under any name of its subject. */
async function isSignedOutAt(routers: readonly Pick<LeaseRouter, "isSignedOut">[], login: string): Promise<boolean> {
  const answers = await Promise.all(routers.map((router) => router.isSignedOut(login)));
  return answers.includes(true);
}
