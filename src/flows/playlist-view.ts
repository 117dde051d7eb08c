import { startDeadline } from "../base/deadline.ts";
import { type UnixMilliseconds, unixMilliseconds } from "../base/milliseconds.ts";
import { type Refusal, refusal } from "../base/refusal.ts";
import { ok, type Result } from "../base/result.ts";
import { type Seconds, seconds } from "../base/seconds.ts";
import { type Progress, progressOf } from "../playlist/progress.ts";
import { directiveQuery, holds, isAhead, type Position } from "./delivery-directives.ts";
import type { DirectPorts } from "./direct-playlists.ts";
import { fetchPlaylist, timeoutOf } from "./fetch-playlist.ts";
import { freshAfterFailure, mayStandIn, type Pace, paceOfNew, paceOfSame } from "./playlist-pace.ts";
import { canBeCovered, originRequest, type PlaylistAnswer, type PlaylistQuestion } from "./playlist-source.ts";

interface Version {
  readonly text: string;
  readonly progress: Progress;
  etag: string | undefined;
  /** When the origin last said that this is the version, and when it is to be asked again. */
  checkedAt: UnixMilliseconds;
  pace: Pace;
}

interface Waiter {
  readonly least: Position;
  readonly arrive: (version: Version) => void;
}

/** How long a slow origin is waited for where there is a version to give out in its place. */
const patience = seconds(1);

/** How long a question is not passed on again that the origin has just failed, or not waited for. */
const pause = seconds(0.5);

/** The viewers of a playlist wait for the next part, some for the one behind it: more questions are made up. */
const mostAsked = 16;

/**
 * One playlist of an origin, or its delta updates, for all who ask: the last version, and the questions to the origin that
 * are under way. Who asks the same while a question is under way waits for its answer; so this stands where promises can
 * be shared, and never in a worker's isolate.
 */
export class PlaylistView {
  readonly #ports: DirectPorts;
  readonly #asking = new Map<string, Promise<Result<Version, Refusal>>>();
  readonly #pausing = new Map<string, UnixMilliseconds>();
  readonly #waiting = new Set<Waiter>();
  #latest: Version | undefined;

  constructor(ports: DirectPorts) {
    this.#ports = ports;
  }

  async ask(question: PlaylistQuestion): Promise<Result<PlaylistAnswer, Refusal>> {
    const { least } = question.directives;
    const latest = this.#latest;
    const fits = latest !== undefined && (least === undefined || holds(latest.progress, least));
    if (fits && this.#ports.clock() < latest.pace.freshUntil) return ok(answerOf(latest, least));
    return least === undefined || fits ? this.#current(question) : this.#awaited(question, least);
  }

  /** The version that the origin has now; after a moment the last one that can stand in for it. */
  async #current(question: PlaylistQuestion): Promise<Result<PlaylistAnswer, Refusal>> {
    const asked = this.#askOnce({ ...question, directives: withoutLeast(question) });
    const deadline = startDeadline(this.#standIn() === undefined ? this.#limit(question) : patience, this.#ports.timer);
    const answered = await deadline.before(asked).finally(deadline.end);
    return this.#conclude(answered === "late" ? this.#slow(question) : answered, question.directives.least);
  }

  /**
   * A version that holds `least`: whichever question to the origin brings it. A question that the origin has just failed,
   * or answered with less, is not passed on: who asks it again is held for a moment and given what there is.
   */
  async #awaited(question: PlaylistQuestion, least: Position): Promise<Result<PlaylistAnswer, Refusal>> {
    const { promise: arrival, resolve } = Promise.withResolvers<Version>();
    const waiter: Waiter = { least, arrive: resolve };
    this.#waiting.add(waiter);
    const key = directiveQuery(question.directives);
    const pausing = (this.#pausing.get(key) ?? 0) > this.#ports.clock();
    const asks = !pausing && (this.#asking.has(key) || this.#asking.size < mostAsked || this.#isNext(least));
    const asked = asks ? this.#askOnce(question) : new Promise<never>(() => undefined);
    const deadline = startDeadline(pausing ? pause : this.#limit(question), this.#ports.timer);
    const answered = await deadline.before(Promise.race([arrival.then(ok), asked])).finally(() => {
      deadline.end();
      this.#waiting.delete(waiter);
    });
    if (answered !== "late") return this.#conclude(answered, least);
    if (!pausing) return this.#conclude(this.#slow(question), least);
    const current = await this.ask({ ...question, directives: withoutLeast(question) });
    return current.ok ? ok({ ...current.value, shared: false }) : current;
  }

  /** The answer to give; where there is none, the last version for as long as it can stand in. */
  #conclude(answered: Result<Version, Refusal>, least: Position | undefined): Result<PlaylistAnswer, Refusal> {
    if (answered.ok) return ok(answerOf(answered.value, least));
    const kept = canBeCovered(answered.refusal) ? this.#standIn() : undefined;
    if (kept === undefined) return answered;
    const freshUntil = freshAfterFailure(this.#ports.clock());
    kept.pace = { ...kept.pace, freshUntil: later(kept.pace.freshUntil, freshUntil) };
    return ok({ ...answerOf(kept, least), failure: answered.refusal, shared: false });
  }

  #askOnce(question: PlaylistQuestion): Promise<Result<Version, Refusal>> {
    const key = directiveQuery(question.directives);
    const underWay = this.#asking.get(key);
    if (underWay !== undefined) return underWay;
    const asked = this.#fetch(question, key).finally(() => this.#asking.delete(key));
    this.#asking.set(key, asked);
    return asked;
  }

  async #fetch(question: PlaylistQuestion, key: string): Promise<Result<Version, Refusal>> {
    const { clock } = this.#ports;
    const { least } = question.directives;
    const before = this.#latest;
    const askedAt = clock();
    const fetched = await fetchPlaylist(originRequest(question, before?.etag), this.#ports);
    const answeredAt = clock();
    if (!fetched.ok) {
      if (fetched.refusal.code === "object_unknown") this.#latest = undefined;
      if (least !== undefined) this.#pauseFor(key, answeredAt);
      return fetched;
    }
    // An answer that was held is of the moment it came at.
    const sight = { askedAt: least === undefined ? askedAt : answeredAt, answeredAt };
    const found = fetched.value;
    const version = found === "unchanged" ? this.#same(before, sight) : this.#seen(found, sight, least !== undefined);
    if (version === undefined)
      return refusal("origin_failed", `${question.asset.id}: the origin answered 304 without being asked`);
    if (least !== undefined && !holds(version.progress, least)) this.#pauseFor(key, answeredAt);
    return ok(version);
  }

  #same(version: Version | undefined, sight: { askedAt: UnixMilliseconds; answeredAt: UnixMilliseconds }) {
    if (version === undefined) return undefined;
    version.pace = paceOfSame(version.progress, sight, version.pace);
    version.checkedAt = later(version.checkedAt, sight.askedAt);
    return version;
  }

  #seen(
    { text, etag }: { readonly text: string; readonly etag: string | undefined },
    sight: { askedAt: UnixMilliseconds; answeredAt: UnixMilliseconds },
    held: boolean,
  ): Version {
    const latest = this.#latest;
    if (latest?.text === text) {
      latest.etag = etag;
      return this.#same(latest, sight) ?? latest;
    }
    const progress = progressOf(text);
    const version = { text, etag, progress, checkedAt: sight.askedAt, pace: paceOfNew(progress, sight, latest) };
    // An answer that was long on its way may be older than what came meanwhile. One that starts over is none of these.
    const overtaken = latest !== undefined && isAhead(latest.progress, progress);
    if (overtaken && (held || latest.checkedAt > sight.askedAt)) return version;
    this.#latest = version;
    for (const { least, arrive } of this.#waiting) if (holds(progress, least)) arrive(version);
    return version;
  }

  #standIn(): Version | undefined {
    const latest = this.#latest;
    const stands = latest !== undefined && mayStandIn(latest.progress, latest.checkedAt, this.#ports.clock());
    return stands ? latest : undefined;
  }

  /** Whether it is the very next thing that the playlist is about to hold. */
  #isNext({ segment, part = 0 }: Position): boolean {
    const progress = this.#latest?.progress;
    return progress?.nextSegment === segment && part <= progress.nextPart;
  }

  #pauseFor(key: string, from: UnixMilliseconds): void {
    for (const [other, until] of this.#pausing) if (until <= from) this.#pausing.delete(other);
    this.#pausing.set(key, unixMilliseconds(from + 1000 * pause));
  }

  #limit({ asset, directives, hold }: PlaylistQuestion): Seconds {
    return seconds(timeoutOf(asset.origin) + (directives.least === undefined ? 0 : hold));
  }

  #slow({ asset }: PlaylistQuestion): Result<never, Refusal> {
    return refusal("origin_slow", `${asset.id}: the origin has not answered yet`);
  }
}

function answerOf({ text, etag, checkedAt, pace, progress }: Version, least: Position | undefined): PlaylistAnswer {
  const shared = least === undefined || holds(progress, least);
  return { text, etag, checkedAt, freshUntil: pace.freshUntil, shared };
}

function withoutLeast({ directives: { skip } }: PlaylistQuestion) {
  return skip === undefined ? {} : { skip };
}

function later(a: UnixMilliseconds, b: UnixMilliseconds): UnixMilliseconds {
  return a > b ? a : b;
}
