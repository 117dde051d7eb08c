import { makeRoom } from "../base/oldest-out.ts";
import { after, type Clock, earlier, later, type Seconds, seconds, type UnixSeconds } from "../base/seconds.ts";
import type { LiveSession, SessionsAsked, SessionsNow } from "./gathered.ts";

const most = { sessions: 50_000, listed: 1_000 };

/** An isolate that has not heard of a session's end takes it for running for about two seconds. */
const unaware = seconds(5);

/** Sessions as the reports tell of them: who was seen of late, and was not ended. */
export class LiveSessions {
  readonly #clock: Clock;
  readonly #silence: Seconds;
  /** In the order in which they were last told of. */
  readonly #alive = new Map<string, LiveSession>();
  readonly #endedAt = new Map<string, UnixSeconds>();

  constructor(clock: Clock, silence: Seconds) {
    this.#clock = clock;
    this.#silence = silence;
  }

  get count(): number {
    this.#forget();
    return this.#alive.size;
  }

  see(session: LiveSession): void {
    const { sessionId } = session;
    const endedAt = this.#endedAt.get(sessionId);
    // Another isolate's report may come after that of the end. One of later comes from a revocation that was lifted.
    if (endedAt !== undefined && session.seenAt <= after(endedAt, unaware)) return;
    const known = this.#alive.get(sessionId);
    this.#alive.delete(sessionId);
    makeRoom(this.#alive, most.sessions);
    this.#alive.set(sessionId, known === undefined ? session : merged(known, session));
  }

  end(sessionId: string): void {
    this.#alive.delete(sessionId);
    this.#endedAt.delete(sessionId);
    makeRoom(this.#endedAt, most.sessions);
    this.#endedAt.set(sessionId, this.#clock());
  }

  /** Those that were asked for, the last seen first. */
  list({ asset, session, limit }: SessionsAsked): SessionsNow {
    this.#forget();
    const found: LiveSession[] = [];
    for (const one of this.#alive.values())
      if ((asset ?? one.assetId) === one.assetId && (session ?? one.sessionId) === one.sessionId) found.push(one);
    const sessions = found.toSorted((a, b) => b.seenAt - a.seenAt).slice(0, Math.min(limit, most.listed));
    return { count: found.length, sessions };
  }

  #forget(): void {
    const now = this.#clock();
    for (const [sessionId, { seenAt, expiresAt }] of this.#alive)
      if (after(seenAt, this.#silence) <= now || expiresAt <= now) this.#alive.delete(sessionId);
    for (const [sessionId, endedAt] of this.#endedAt)
      if (after(endedAt, this.#silence) <= now) this.#endedAt.delete(sessionId);
  }
}

/** Of two isolates' words the later one holds; a session began when it was first heard of. */
function merged(known: LiveSession, told: LiveSession): LiveSession {
  const last = told.seenAt >= known.seenAt ? told : known;
  return {
    ...last,
    startedAt: earlier(known.startedAt, told.startedAt),
    expiresAt: later(known.expiresAt, told.expiresAt),
  };
}
