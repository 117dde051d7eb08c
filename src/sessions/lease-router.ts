import type { RatePolicy, RateStanding } from "../auth/rate-limit.ts";
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
  TouchAnswer,
} from "./lease.ts";
import type { HandedOver, LeaseBook } from "./lease-store.ts";

/** The streams of one subject under one of his names, as those under his other names and the workers reach them. */
export interface LeaseDesk {
  /** `own` is the name under which it is asked, `older` are the names whose streams it takes over first. */
  claim(claim: LeaseClaim, own: string, older: readonly string[]): Promise<ClaimAnswer>;
  take(policy: RatePolicy, now: UnixSeconds, own: string, older: readonly string[]): Promise<RateStanding>;
  touch(touch: LeaseTouch): Promise<TouchAnswer>;
  end(ending: StreamEnding): Promise<EndedStream>;
  endLogin(ending: LoginEnding): Promise<LoginEnded>;
  show(sessionId: string, now: UnixSeconds): Promise<StreamState | undefined>;
  /** As a claim would find them, and nothing moves: those under `older` that have not moved here are counted where they are. */
  running(now: UnixSeconds, own: string, older: readonly string[]): Promise<readonly RunningStream[]>;
  handOver(to: string, until: UnixSeconds): Promise<HandedOver>;
}

/**
 * Answers from a book, or from that of a newer name where the streams have moved to. A subject is named by a keyed hash, so
 * a new session key gives him a new name, and his limit would start from nothing: the first claim under the new name
 * takes over what runs under the older ones, and from then on those send on what they are asked.
 */
export function leaseDesk(book: LeaseBook, deskOf: (name: string) => LeaseDesk): LeaseDesk {
  const taking = new Set<string>();

  async function takeOver(from: string, to: string, until: UnixSeconds): Promise<void> {
    taking.add(from);
    try {
      book.takeOver(from, await deskOf(from).handOver(to, until));
    } finally {
      taking.delete(from);
    }
  }

  /** The name that answers, once all that was under older names is here: the heir, or undefined for this one. */
  async function gathered(own: string, older: readonly string[], now: UnixSeconds, until: UnixSeconds) {
    book.prune(now);
    if (book.heir() === undefined) {
      const from = older.filter((name) => name !== own && !book.tookFrom(name));
      await Promise.all(from.map((name) => takeOver(name, own, until)));
    }
    // Asked again: a newer name may have asked for the streams in the meantime.
    return book.heir();
  }

  return {
    claim: async (claim, own, older) => {
      const heir = await gathered(own, older, claim.now, claim.expiresAt);
      if (heir === undefined) return book.claim(claim);
      book.sentOn(claim.expiresAt);
      return deskOf(heir).claim(claim, heir, []);
    },
    take: async (policy, now, own, older) => {
      const heir = await gathered(own, older, now, after(now, policy.window));
      return heir === undefined ? book.take(policy, now) : deskOf(heir).take(policy, now, heir, []);
    },
    touch: async (touch) => {
      book.prune(touch.now);
      const heir = book.heir();
      if (heir === undefined) return book.touch(touch);
      book.sentOn(touch.expiresAt);
      return deskOf(heir).touch(touch);
    },
    end: async (ending) => {
      const heir = book.heir();
      if (heir === undefined) return book.end(ending);
      book.sentOn(ending.expiresAt);
      return deskOf(heir).end(ending);
    },
    endLogin: async (ending) => {
      const heir = book.heir();
      if (heir === undefined) return book.endLogin(ending);
      book.sentOn(ending.until);
      return deskOf(heir).endLogin(ending);
    },
    show: async (sessionId, now) => {
      const heir = book.heir();
      return heir === undefined ? book.show(sessionId, now) : deskOf(heir).show(sessionId, now);
    },
    running: async (now, own, older) => {
      const heir = book.heir();
      if (heir !== undefined) return deskOf(heir).running(now, heir, []);
      const from = older.filter((name) => name !== own && !book.tookFrom(name));
      const elsewhere = await Promise.all(from.map((name) => deskOf(name).running(now, name, [])));
      // Several older names may have the same heir.
      const all = new Map([...elsewhere.flat(), ...book.running(now)].map((stream) => [stream.sessionId, stream]));
      return [...all.values()].toSorted((a, b) => a.startedAt - b.startedAt);
    },
    handOver: async (to, until) => {
      // Two that take from each other would send everything round in a circle for ever. Both claims fail, and may come again.
      if (taking.has(to)) throw new Error("two names of a subject take over from each other");
      return book.handOver(to, until);
    },
  };
}

/** Ends a login at every name of its subject: the streams under an older one may not have moved yet. */
export async function endLoginAt(
  desks: readonly Pick<LeaseDesk, "endLogin">[],
  ending: LoginEnding,
): Promise<LoginEnded> {
  const ended = await Promise.all(desks.map((desk) => desk.endLogin(ending)));
  return {
    leaseUntil: ended.map(({ leaseUntil }) => leaseUntil).reduce(later, ending.now),
    complete: ended.every(({ complete }) => complete),
  };
}
