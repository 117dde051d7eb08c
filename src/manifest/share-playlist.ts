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
  originRequest,
  type PlaylistAnswer,
  type PlaylistQuestion,
  type PlaylistSource,
} from "./playlist-source.ts";

/**
 * One playlist of an origin for everybody, whatever delivery directives they ask for it with: about one request to the
 * origin a version, and one for each part or segment that somebody waits for. Delta updates are texts of their own, each
 * form of them one; with and without, what is waited for is shared.
 */
export function sharePlaylist(ports: DirectPorts): PlaylistSource {
  /** How far the playlist has come, by whichever text of it was seen last. */
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

/** A question to the origin that is under way. */
interface Asked {
  readonly at: UnixMilliseconds;
  readonly answer: Promise<Result<Version, Refusal>>;
}

/** How long a slow origin is waited for where there is a version to give out in its place. */
const patience = seconds(1);

/** How long a question is not passed on again that the origin has just failed, or not waited for. */
const pause = seconds(0.5);

/**
 * The viewers of a playlist wait for the next part, some for the one behind it: more questions are made up. Not more also
 * since a Durable Object waits for six answers at once, and what the others are given must be among them.
 */
const mostAsked = 4;

/** How many slow questions for the current version are left to themselves, at most, to ask anew. */
const mostLeft = 2;

/** How often the log is told of a blocking reload that failed, in milliseconds. */
const toldEvery = 60_000;

/**
 * One playlist of an origin, or its delta updates, for all who ask: the last version, and the questions to the origin that
 * are under way. Who asks the same while a question is under way waits for its answer; so this stands where promises can
 * be shared, and never in a worker's isolate.
 */
class PlaylistView {
  readonly #ports: DirectPorts;
  readonly #reached: () => Progress | undefined;
  readonly #latest = new LatestVersion();
  readonly #asking = new Map<string, Asked>();
  readonly #refused = new RefusedReloads(1000 * pause);
  #left = 0;
  #toldAt = Number.NEGATIVE_INFINITY;

  /** `reached` tells how far the playlist has come, by whatever is known of it. */
  constructor(ports: DirectPorts, reached: () => Progress | undefined) {
    this.#ports = ports;
    this.#reached = reached;
  }

  get latest(): Pick<Version, "progress" | "checkedAt"> | undefined {
    return this.#latest.version;
  }

  async ask(question: PlaylistQuestion): Promise<Result<PlaylistAnswer, Refusal>> {
    const { least } = question.directives;
    const { version } = this.#latest;
    const fits = version !== undefined && (least === undefined || holds(version.progress, least));
    if (fits && this.#ports.clock() < version.pace.freshUntil) return ok(answerOf(version, least));
    if (least === undefined || fits) return this.#current(question, least);
    if (this.#isNear(least)) return this.#awaited(question, least);
    // What an origin refuses, as being too far ahead, anybody can make up: the version of now tells whether it is.
    const current = await this.#current(question, least);
    return current.ok && !current.value.shared && this.#isNear(least) ? this.#awaited(question, least) : current;
  }

  /** The version that the origin has now, whatever it holds; after a moment the last one that can stand in for it. */
  async #current(question: PlaylistQuestion, least: Position | undefined): Promise<Result<PlaylistAnswer, Refusal>> {
    const { clock, timer } = this.#ports;
    const { version } = this.#latest;
    if (version !== undefined && clock() < version.pace.freshUntil) return ok(answerOf(version, least));
    const asked = this.#askOnce({ ...question, directives: withoutLeast(question) });
    const covered = this.#latest.standIn(clock()) !== undefined;
    const deadline = startDeadline(covered ? patience : this.#limit(question), timer);
    const answered = await deadline.before(asked.answer).finally(deadline.end);
    if (answered !== "late") return this.#conclude(answered, least);
    if (covered) this.#leave(asked);
    return this.#conclude(this.#slow(question), least);
  }

  /**
   * A version that holds `least`: whichever question to the origin brings it. An origin that answers without it (its timer
   * is a moment early, or it does not wait at all) is asked once more after a pause (RFC 8216bis §6.2.5.2: no answer before
   * the playlist holds it). A place that the origin has just refused, or answered with less, is not passed on: the request
   * is held for the pause and given what there is. Since anybody can make such a place up, a question that fails leaves all
   * that is known as it was. `first` is when the first question began, where this is the second.
   */
  async #awaited(
    question: PlaylistQuestion,
    least: Position,
    first?: UnixMilliseconds,
  ): Promise<Result<PlaylistAnswer, Refusal>> {
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
      // A request that has waited for so long waits no longer.
      const slow = failed.refusal.code === "origin_slow";
      const given = slow ? this.#conclude(failed, least) : await this.#current(question, least);
      if (!given.ok) return given;
      return ok({ ...given.value, failure: this.#told(given.value.failure ?? failed.refusal), shared: false });
    } finally {
      leave();
    }
  }

  /** The answer to give; where there is none, the last version for as long as it can stand in. */
  #conclude(answered: Result<Version, Refusal>, least: Position | undefined): Result<PlaylistAnswer, Refusal> {
    if (answered.ok) return ok(answerOf(answered.value, least));
    const kept = canBeCovered(answered.refusal) ? this.#latest.standIn(this.#ports.clock()) : undefined;
    return kept === undefined ? answered : ok({ ...answerOf(kept, least), failure: answered.refusal, shared: false });
  }

  #askOnce(question: PlaylistQuestion): Asked {
    const key = directiveQuery(question.directives);
    const underWay = this.#asking.get(key);
    if (underWay !== undefined) return underWay;
    const at = this.#ports.clock();
    const answer = this.#fetch(question, at).finally(() => {
      if (this.#asking.get(key)?.answer === answer) this.#asking.delete(key);
    });
    const asked = { at, answer };
    this.#asking.set(key, asked);
    return asked;
  }

  /** Who comes after a moment asks anew: one question that hangs keeps nobody from what another one would be told. */
  #leave(asked: Asked): void {
    this.#latest.failed(asked.at, this.#ports.clock());
    const [key] = [...this.#asking].find(([, other]) => other === asked) ?? [];
    if (key === undefined || this.#left >= mostLeft) return;
    this.#asking.delete(key);
    this.#left++;
    const end = () => void this.#left--;
    asked.answer.then(end, end);
  }

  async #fetch(question: PlaylistQuestion, askedAt: UnixMilliseconds): Promise<Result<Version, Refusal>> {
    const { least } = question.directives;
    const before = this.#latest.version;
    const fetched = await fetchPlaylist(originRequest(question, before?.etag), this.#ports);
    const answeredAt = this.#ports.clock();
    // An answer that was held is of the moment it came at.
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
  ): Result<Version, Refusal> {
    if (text !== undefined) return this.#latest.take({ text, etag, location }, sight, directives.least);
    if (before !== undefined) {
      before.location = location;
      return ok(this.#latest.confirm(before, sight));
    }
    return refusal("origin_failed", `${asset.id}: the origin answered 304 without being asked`);
  }

  #isNear(least: Position): boolean {
    const progress = this.#reached();
    return progress !== undefined && willBeWaitedFor(progress, least);
  }

  /** Whether it is the very next thing that the playlist is about to hold. */
  #isNext({ segment, part = 0 }: Position): boolean {
    const progress = this.#reached();
    return progress?.nextSegment === segment && part <= progress.nextPart;
  }

  /** What the log is to be told of blocking reloads that fail: little, since anybody can make one up. */
  #told(failure: Refusal): Refusal | undefined {
    const now = this.#ports.clock();
    if (now - this.#toldAt < toldEvery) return undefined;
    this.#toldAt = now;
    return failure;
  }

  #limit({ asset, directives, hold }: PlaylistQuestion): Seconds {
    return seconds(timeoutOf(asset.origin) + (directives.least === undefined ? 0 : hold));
  }

  #slow({ asset }: PlaylistQuestion): Refused<Refusal> {
    return refusal("origin_slow", `${asset.id}: the origin has not answered yet`);
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
 * The places of a playlist that an origin has just not waited for, whatever it said: with each goes all that lies ahead of
 * it. Who makes places up has the origin asked for few of them; and the place before all those is asked for as ever.
 */
class RefusedReloads {
  readonly #length: number;
  #refused: { readonly least: Position; readonly until: UnixMilliseconds }[] = [];

  /** `length` is how long a place is not asked for again, in milliseconds. */
  constructor(length: number) {
    this.#length = length;
  }

  add(least: Position, now: UnixMilliseconds): void {
    // Of those that are ahead of this one, all end sooner.
    this.#refused = this.#refused.filter((one) => one.until > now && isBefore(one.least, least));
    this.#refused.push({ least, until: unixMilliseconds(now + this.#length) });
  }

  has(least: Position, now: UnixMilliseconds): boolean {
    return this.#refused.some((one) => one.until > now && !isBefore(least, one.least));
  }
}

/** A whole segment comes behind all of its parts. */
function isBefore(one: Position, other: Position): boolean {
  if (one.segment !== other.segment) return one.segment < other.segment;
  return (one.part ?? Number.POSITIVE_INFINITY) < (other.part ?? Number.POSITIVE_INFINITY);
}
