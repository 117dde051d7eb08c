import { makeRoom } from "../base/bounded-map.ts";
import { after, type Clock, earlier, later, type Seconds, seconds, type UnixSeconds } from "../base/time.ts";
import type { EventType, ServiceEvent } from "./event-log.ts";
import {
  type Ending,
  type GroupBy,
  groupings,
  type LiveSession,
  type PastSession,
  type RequestTraits,
  type SessionsAsked,
  type SessionsNow,
  type ViewerSessions,
} from "./gathered.ts";
import { groupOf } from "./group-counts.ts";

const most = { sessions: 50_000, listed: 1_000, past: 5_000, ofViewer: 100 };
/** How long a session is remembered after it ended or fell silent. */
const remembered = seconds(3_600);

/** The part of the state that survives a restart. */
export interface KeptSessions {
  /** In the order of their last report. */
  readonly alive: readonly LiveSession[];
  readonly ended: readonly (readonly [sessionId: string, at: UnixSeconds])[];
  /** In the order in which they ended or fell silent. */
  readonly past: readonly PastSession[];
}

/** An isolate that has not heard of a session's end still counts it for about two seconds. */
const unaware = seconds(5);

/** The sessions of the reports that were seen recently and not ended. */
export class LiveSessions {
  readonly #clock: Clock;
  readonly #silence: Seconds;
  readonly #onEvent: (event: ServiceEvent, by: "report" | "clock") => void;
  /** In the order of their last report. */
  readonly #alive = new Map<string, LiveSession>();
  readonly #endedAt = new Map<string, UnixSeconds>();
  /** In the order in which they ended or fell silent; the first are forgotten if there are too many. */
  readonly #past = new Map<string, PastSession>();

  /** `onEvent` gets each session that begins, ends or falls silent, once. Only a silent one is noticed by the clock alone. */
  constructor(
    clock: Clock,
    silence: Seconds,
    onEvent: (event: ServiceEvent, by: "report" | "clock") => void = () => undefined,
  ) {
    this.#clock = clock;
    this.#silence = silence;
    this.#onEvent = onEvent;
  }

  get count(): number {
    this.#forget();
    return this.#alive.size;
  }

  see(session: LiveSession): void {
    const { sessionId } = session;
    const endedAt = this.#endedAt.get(sessionId);
    // Another isolate's report may arrive after the session's end. A later `seenAt` means that its revocation was
    // lifted.
    if (endedAt !== undefined && session.seenAt <= after(endedAt, unaware)) return;
    const known = this.#alive.get(sessionId);
    // A store that lost its sessions sees old ones again.
    if (known === undefined && !this.#past.has(sessionId) && after(session.startedAt, this.#silence) > session.seenAt)
      this.#tell("session.started", session, session.startedAt);
    this.#alive.delete(sessionId);
    this.#past.delete(sessionId);
    makeRoom(this.#alive, most.sessions);
    this.#alive.set(sessionId, known === undefined ? session : merged(known, session));
  }

  end(sessionId: string, at: UnixSeconds, why?: string): void {
    const running = this.#alive.get(sessionId);
    const session = running ?? this.#past.get(sessionId);
    if (running !== undefined) this.#tell("session.ended", running, at, why);
    if (session !== undefined) this.#leave({ ...session, endedAt: at });
    this.#endedAt.delete(sessionId);
    makeRoom(this.#endedAt, most.sessions);
    this.#endedAt.set(sessionId, at);
  }

  kept(): KeptSessions {
    this.#forget();
    return { alive: [...this.#alive.values()], ended: [...this.#endedAt], past: [...this.#past.values()] };
  }

  restore({ alive, ended, past }: KeptSessions): void {
    for (const session of alive) this.#alive.set(session.sessionId, session);
    for (const session of past) this.#past.set(session.sessionId, session);
    for (const [sessionId, at] of ended) this.#endedAt.set(sessionId, at);
  }

  /** The matching sessions, in the requested order. */
  list({ without, order, skip = 0, limit, ...asked }: SessionsAsked): SessionsNow {
    this.#forget();
    const isEnded = without === undefined ? () => false : endedBy(without);
    const found: LiveSession[] = [];
    for (const one of this.#alive.values()) if (isAskedFor(one, asked) && !isEnded(one)) found.push(one);
    const sessions = found
      .toSorted(order === "begun" ? lastBegunFirst : lastSeenFirst)
      .slice(skip, skip + Math.min(limit, most.listed));
    return { count: found.length, sessions };
  }

  /** The number of sessions per group. */
  groups(by: GroupBy): ReadonlyMap<string, number> {
    this.#forget();
    const counts = new Map<string, number>();
    for (const session of this.#alive.values()) {
      const value = groupOf(by, traitsOfSession(session));
      counts.set(value, (counts.get(value) ?? 0) + 1);
    }
    return counts;
  }

  /** The sessions of a viewer, under each of these hashes. */
  ofViewer(subjects: readonly string[]): ViewerSessions {
    this.#forget();
    const isOwn = ({ subject }: LiveSession) => subjects.includes(subject);
    const own = <Session extends LiveSession>(sessions: Iterable<Session>) =>
      [...sessions].filter(isOwn).toSorted(lastSeenFirst).slice(0, most.ofViewer);
    return { live: own(this.#alive.values()), past: own(this.#past.values()) };
  }

  /** The id is the same in every process, and after a restart. */
  #tell(
    type: EventType,
    { sessionId, assetId, subject }: LiveSession,
    at: UnixSeconds,
    why?: string,
    by: "report" | "clock" = "report",
  ): void {
    const data = { session: sessionId, asset: assetId, subject, ...(why !== undefined && { why }) };
    this.#onEvent({ id: `${type} ${sessionId} ${at}`, type, at, data }, by);
  }

  #leave(session: PastSession): void {
    const { sessionId } = session;
    this.#alive.delete(sessionId);
    this.#past.delete(sessionId);
    makeRoom(this.#past, most.past);
    this.#past.set(sessionId, session);
  }

  #forget(): void {
    const now = this.#clock();
    for (const session of this.#alive.values())
      if (after(session.seenAt, this.#silence) <= now || session.expiresAt <= now) {
        const why = session.expiresAt <= now ? "expired" : "silent";
        this.#tell("session.ended", session, session.seenAt, why, "clock");
        this.#leave(session);
      }
    for (const [sessionId, { seenAt, endedAt = seenAt }] of this.#past)
      if (after(endedAt, remembered) <= now) this.#past.delete(sessionId);
    for (const [sessionId, endedAt] of this.#endedAt)
      if (after(endedAt, this.#silence) <= now) this.#endedAt.delete(sessionId);
  }
}

/** `XX` is a country that is not known. */
function traitsOfSession({ assetId, country, asn, player }: LiveSession): RequestTraits {
  return { asset: assetId, asn, player, ...(country !== "XX" && { country }) };
}

function isAskedFor(
  session: LiveSession,
  { name, ...asked }: Omit<SessionsAsked, "without" | "order" | "skip" | "limit">,
): boolean {
  const { assetId, sessionId, subject, country, asn, player } = session;
  return (
    (asked.asset ?? assetId) === assetId &&
    (asked.session ?? sessionId) === sessionId &&
    (asked.subject ?? subject) === subject &&
    (asked.country ?? country) === country &&
    (asked.asn ?? asn) === asn &&
    (asked.player ?? player) === player &&
    (name === undefined ||
      name === sessionId ||
      name === subject ||
      groupings.some((by) => groupOf(by, traitsOfSession(session)) === name))
  );
}

function lastSeenFirst(a: LiveSession, b: LiveSession): number {
  return b.seenAt - a.seenAt;
}

function lastBegunFirst(a: LiveSession, b: LiveSession): number {
  return b.startedAt - a.startedAt || (a.sessionId < b.sessionId ? -1 : 1);
}

function endedBy({ sessions, assets, subjects }: Ending): (session: LiveSession) => boolean {
  const [ids, ofAssets, ofSubjects] = [new Set(sessions), new Set(assets), new Map(subjects)];
  return ({ sessionId, assetId, subject, startedAt }) => {
    const upTo = ofSubjects.get(subject);
    return ids.has(sessionId) || ofAssets.has(assetId) || (upTo !== undefined && startedAt <= upTo);
  };
}

/** Of two reports the later one counts; a session started at its first report. */
function merged(known: LiveSession, told: LiveSession): LiveSession {
  const last = told.seenAt >= known.seenAt ? told : known;
  return {
    ...last,
    startedAt: earlier(known.startedAt, told.startedAt),
    expiresAt: later(known.expiresAt, told.expiresAt),
    // The API, which starts and renews sessions, does not tell these.
    asn: last.asn ?? known.asn,
    player: last.player ?? known.player,
  };
}
