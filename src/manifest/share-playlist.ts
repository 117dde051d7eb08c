import { ok, type Refusal, type Refused, type Result, refusal } from "../base/result.ts";
import { inTime, type Seconds, seconds, startDeadline, type UnixMilliseconds, unixMilliseconds } from "../base/time.ts";
import { timeoutOf } from "../origin/origin.ts";
import { directiveQuery, holds, type Position, willBeWaitedFor } from "../playlist/delivery-directives.ts";
import type { Progress } from "../playlist/progress.ts";
import { type FetchedPlaylist, fetchPlaylist } from "./fetch-playlist.ts";
import { LatestVersion, type Version } from "./latest-version.ts";
import type { Sight } from "./playlist-pace.ts";
import {
  canBeCovered,
  type DirectPorts,
  holdFor,
  originRequest,
  type PlaylistAnswer,
  type PlaylistQuestion,
  type PlaylistSource,
  type SourceRefusal,
} from "./playlist-source.ts";

/**
 * Shares one playlist of an origin between all requests, whatever their delivery directives: about one request to the
 * origin per version, and one per part or segment that is waited for. Delta updates are separate texts, one per form;
 * waiting is shared between all forms.
 */
export function sharePlaylist(ports: DirectPorts): PlaylistSource {
  /** The progress of the most recently seen text of the playlist. */
  const reached = (): Progress | undefined => {
    const seen = [whole, deltas.YES, deltas.v2].flatMap(({ latest }) => latest ?? []);
    return seen.toSorted((a, b) => b.checkedAt - a.checkedAt)[0]?.progress;
  };
  const whole = new PlaylistView(ports, reached);
  const deltas = { YES: new PlaylistView(ports, reached), v2: new PlaylistView(ports, reached) };
  return (question) => {
    const { skip } = question.directives;
    return (skip === undefined ? whole : deltas[skip]).ask(question);
  };
}

/** A request to the origin in progress. */
interface Asked {
  readonly at: UnixMilliseconds;
  readonly answer: Promise<Result<Version, SourceRefusal>>;
}

/** How long a slow origin is waited for if an older version can be served. */
const slowAfter = seconds(1);

/** How long a question is not repeated that the origin has just failed, or not waited for. */
const pause = seconds(0.5);

/**
 * Legitimate viewers wait for the next part or the one after; anything further ahead is forged. A Durable Object also
 * has only six connections, which must leave room for the requests of the others.
 */
const mostAsked = 4;

/** How many slow requests for the current version are abandoned, at most, to send a new one. */
const mostLeft = 2;

/** How often a failed blocking reload is logged, in milliseconds. */
const toldEvery = 60_000;

/**
 * One playlist of an origin, or its delta updates: the latest version, and the requests to the origin in progress.
 * Equal questions share one request and its promise, so this runs in a Durable Object and never in a worker's isolate.
 */
class PlaylistView {
  readonly #ports: DirectPorts;
  readonly #reached: () => Progress | undefined;
  readonly #latest = new LatestVersion();
  readonly #asking = new Map<string, Asked>();
  readonly #refused = new RefusedReloads(1000 * pause);
  #left = 0;
  #toldAt = Number.NEGATIVE_INFINITY;

  /** `reached` returns the progress of the playlist, as far as known. */
  constructor(ports: DirectPorts, reached: () => Progress | undefined) {
    this.#ports = ports;
    this.#reached = reached;
  }

  get latest(): Pick<Version, "progress" | "checkedAt"> | undefined {
    return this.#latest.version;
  }

  async ask(question: PlaylistQuestion): Promise<Result<PlaylistAnswer, SourceRefusal>> {
    const { least } = question.directives;
    const { version } = this.#latest;
    const fits = version !== undefined && (least === undefined || holds(version.progress, least));
    if (fits && this.#ports.clock() < version.pace.freshUntil) return ok(answerOf(version, least));
    if (least === undefined || fits) return this.#current(question, least);
    if (this.#isNear(least)) return this.#awaited(question, least);
    // Anyone can forge a position that is too far ahead. The current version tells whether it is.
    const current = await this.#current(question, least);
    return current.ok && !current.value.shared && this.#isNear(least) ? this.#awaited(question, least) : current;
  }

  /** The origin's current version, whatever it contains; after a moment the last one that may replace it. */
  async #current(
    question: PlaylistQuestion,
    least: Position | undefined,
  ): Promise<Result<PlaylistAnswer, SourceRefusal>> {
    const { clock, timer } = this.#ports;
    const { version } = this.#latest;
    if (version !== undefined && clock() < version.pace.freshUntil) return ok(answerOf(version, least));
    const asked = this.#askOnce({ ...question, directives: withoutLeast(question) });
    const covered = this.#latest.standIn(clock()) !== undefined;
    const deadline = startDeadline(covered ? slowAfter : this.#limit(question), timer);
    const answered = await deadline.before(asked.answer).finally(deadline.end);
    if (answered !== "late") return this.#conclude(answered, least);
    if (covered) this.#leave(asked);
    return this.#conclude(this.#slow(question), least);
  }

  /**
   * A version that contains `least`, from any request to the origin. If the origin answers without it (its timer is a
   * moment early, or it does not wait), it is asked once more after a pause (RFC 8216bis §6.2.5.2: no response before
   * the playlist contains it). A position that the origin has just refused or not waited for is not requested again:
   * the request is held for the pause and gets the current version. Anyone can forge a position, so a failed request
   * changes nothing that is known. `first` is the start of the first request, if this is the second.
   */
  async #awaited(
    question: PlaylistQuestion,
    least: Position,
    first?: UnixMilliseconds,
  ): Promise<Result<PlaylistAnswer, SourceRefusal>> {
    const { clock, timer } = this.#ports;
    const begun = clock();
    const again = first !== undefined;
    const { arrival, leave } = this.#latest.arrivalOf(least);
    const arrived = arrival.then(ok<Version>);
    try {
      const pausing = !again && this.#refused.has(least, begun);
      const key = directiveQuery(question.directives);
      const asks = !pausing && (this.#asking.has(key) || this.#asking.size < mostAsked || this.#isNext(least));
      const asked = asks ? this.#askOnce(question).answer : new Promise<never>(() => undefined);
      const used = again ? (begun - first) / 1000 : 0;
      const limit = pausing ? pause : seconds(Math.max(0, this.#limit(question) - used));
      const answered = await inTime(Promise.race([arrived, asked]), limit, timer);
      if (answered === "late" && pausing) {
        const current = await this.#current(question, least);
        return current.ok ? ok({ ...current.value, shared: false }) : current;
      }
      if (answered !== "late" && answered.ok) {
        if (again || holds(answered.value.progress, least)) return ok(answerOf(answered.value, least));
        const later = await inTime(arrived, pause, timer);
        return later === "late" ? await this.#awaited(question, least, begun) : ok(answerOf(later.value, least));
      }
      const failed = answered === "late" ? this.#slow(question) : answered;
      // A request that has waited for this long does not wait again.
      const slow = failed.refusal.code === "origin_slow";
      const given = slow ? this.#conclude(failed, least) : await this.#current(question, least);
      if (!given.ok) return given;
      return ok({ ...given.value, failure: this.#told(given.value.failure ?? failed.refusal), shared: false });
    } finally {
      leave();
    }
  }

  /** The result; if there is none, the last version while it may replace it. */
  #conclude(
    answered: Result<Version, SourceRefusal>,
    least: Position | undefined,
  ): Result<PlaylistAnswer, SourceRefusal> {
    if (answered.ok) return ok(answerOf(answered.value, least));
    const kept = canBeCovered(answered.refusal) ? this.#latest.standIn(this.#ports.clock()) : undefined;
    return kept === undefined ? answered : ok({ ...answerOf(kept, least), failure: answered.refusal, shared: false });
  }

  #askOnce(question: PlaylistQuestion): Asked {
    const key = directiveQuery(question.directives);
    const running = this.#asking.get(key);
    if (running !== undefined) return running;
    const at = this.#ports.clock();
    const answer = this.#fetch(question, at).finally(() => {
      if (this.#asking.get(key)?.answer === answer) this.#asking.delete(key);
    });
    const asked = { at, answer };
    this.#asking.set(key, asked);
    return asked;
  }

  /** After a moment, new callers start a new request, so that one that hangs does not block them. */
  #leave(asked: Asked): void {
    this.#latest.failed(asked.at, this.#ports.clock());
    const [key] = [...this.#asking].find(([, other]) => other === asked) ?? [];
    if (key === undefined || this.#left >= mostLeft) return;
    this.#asking.delete(key);
    this.#left++;
    const end = () => void this.#left--;
    asked.answer.then(end, end);
  }

  async #fetch(question: PlaylistQuestion, askedAt: UnixMilliseconds): Promise<Result<Version, SourceRefusal>> {
    const { least } = question.directives;
    const before = this.#latest.version;
    const fetched = await fetchPlaylist(originRequest(question, before?.etag), this.#ports);
    const answeredAt = this.#ports.clock();
    // A response that was held is current as of its arrival.
    const sight = { askedAt: least === undefined ? askedAt : answeredAt, answeredAt };
    const taken = fetched.ok ? this.#take(fetched.value, before, sight, question) : fetched;
    if (taken.ok) {
      if (least !== undefined && !holds(taken.value.progress, least)) this.#refused.add(least, answeredAt);
    } else if (least !== undefined) this.#refused.add(least, answeredAt);
    else if (taken.refusal.code === "object_unknown") this.#latest.forget();
    else this.#latest.failed(askedAt, answeredAt);
    return taken;
  }

  #take(
    { text, etag, location }: FetchedPlaylist,
    before: Version | undefined,
    sight: Sight,
    { asset, directives }: PlaylistQuestion,
  ): Result<Version, SourceRefusal> {
    if (text !== undefined) return this.#latest.take({ text, etag, location }, sight, directives.least);
    if (before !== undefined) {
      before.location = location;
      return ok(this.#latest.confirm(before, sight));
    }
    return refusal("origin_failed", `${asset.id}: the origin answered 304 to a request without a condition`);
  }

  #isNear(least: Position): boolean {
    const progress = this.#reached();
    return progress !== undefined && willBeWaitedFor(progress, least);
  }

  /** Whether a position is the very next one of the playlist. */
  #isNext({ segment, part = 0 }: Position): boolean {
    const progress = this.#reached();
    return progress?.nextSegment === segment && part <= progress.nextPart;
  }

  /** Which failures of blocking reloads are logged: few, because anyone can cause them. */
  #told(failure: SourceRefusal): SourceRefusal | undefined {
    const now = this.#ports.clock();
    if (now - this.#toldAt < toldEvery) return undefined;
    this.#toldAt = now;
    return failure;
  }

  #limit(question: PlaylistQuestion): Seconds {
    return timeoutOf(question.asset.origin, holdFor(question));
  }

  #slow({ asset }: PlaylistQuestion): Refused<Refusal<"origin_slow">> {
    return refusal("origin_slow", `${asset.id}: the origin has not responded yet`);
  }
}

function answerOf(
  { text, etag, location, checkedAt, pace, progress }: Version,
  least: Position | undefined,
): PlaylistAnswer {
  const shared = least === undefined || holds(progress, least);
  return { text, etag, location, checkedAt, freshUntil: pace.freshUntil, shared };
}

function withoutLeast({ directives: { skip } }: PlaylistQuestion) {
  return skip === undefined ? {} : { skip };
}

/**
 * Positions that an origin has just not waited for. Each includes all positions after it. Forged positions therefore
 * cause few requests, and earlier positions are requested as usual.
 */
class RefusedReloads {
  readonly #length: number;
  #refused: { readonly least: Position; readonly until: UnixMilliseconds }[] = [];

  /** `length`: how long a position is not requested again, in milliseconds. */
  constructor(length: number) {
    this.#length = length;
  }

  add(least: Position, now: UnixMilliseconds): void {
    // Those after this one expire earlier.
    this.#refused = this.#refused.filter((one) => one.until > now && isBefore(one.least, least));
    this.#refused.push({ least, until: unixMilliseconds(now + this.#length) });
  }

  has(least: Position, now: UnixMilliseconds): boolean {
    return this.#refused.some((one) => one.until > now && !isBefore(least, one.least));
  }
}

/** A whole segment comes after all of its parts. */
function isBefore(one: Position, other: Position): boolean {
  if (one.segment !== other.segment) return one.segment < other.segment;
  return (one.part ?? Number.POSITIVE_INFINITY) < (other.part ?? Number.POSITIVE_INFINITY);
}
