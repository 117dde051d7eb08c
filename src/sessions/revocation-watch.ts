import { ok, type Refusal, type Refused, type Result, refusal } from "../base/result.ts";
import {
  inTime,
  type MillisecondClock,
  type Milliseconds,
  milliseconds,
  type Seconds,
  seconds,
  type Timer,
  type UnixMilliseconds,
  unixMilliseconds,
} from "../base/time.ts";
import { longestSilence, type RevocationDelta, type RevocationLog } from "./revocation.ts";
import { HeldRevocations, type RevocationSnapshot } from "./revocation-snapshot.ts";

export interface RevocationWatchParts {
  readonly log: Pick<RevocationLog, "since">;
  readonly clock: MillisecondClock;
  readonly timer: Timer;
  /** Past this age a snapshot is good for nothing: how long it may take until a revocation holds everywhere. */
  readonly maxAge: Milliseconds;
  /** What becomes of requests while the log does not answer: they are refused, or go by what was known last. */
  readonly failure: "closed" | "open";
  /** Up to this age nobody asks for a younger one; 1 s. */
  readonly freshFor?: Milliseconds;
  /** How long the log has for an answer; 2 s. */
  readonly answerWithin?: Seconds;
  /** Told of each attempt that failed, for the log of the worker. */
  readonly onFailure?: (refusal: Refusal) => void;
  /** Is called with the age of each snapshot that is used: an hour if nothing is known and every request is admitted. */
  readonly onAge?: (age: Milliseconds) => void;
}

/**
 * What is forbidden now. `waitUntil` keeps a request alive for what it does behind its answer; the snapshot is for this
 * request alone.
 */
export interface RevocationWatch {
  /** What can be said at once and without a promise; undefined where {@link RevocationWatch.current} has to be waited for. */
  atHand(waitUntil: (work: Promise<unknown>) => void): RevocationSnapshot | undefined;
  /** As `atHand`, or else once the log has answered. `store_unavailable` where it does not and `failure` is "closed". */
  current(
    waitUntil: (work: Promise<unknown>) => void,
  ): Promise<Result<RevocationSnapshot, Refusal<"store_unavailable">>>;
}

/** After a failure, how long nobody asks again. */
const pause = 1_000;

/** The age that is reported without any snapshot. */
const anHour = milliseconds(3_600_000);

/**
 * Keeps a snapshot of the revocation log for an isolate. Up to `freshFor` it is given as it is; then one request has it
 * refreshed in the background; past `maxAge` each request waits for the log itself, since workerd lets none wait for what
 * another one is doing. While the log is down, one request a second tries, and the others do not wait.
 */
export function watchRevocations(parts: RevocationWatchParts): RevocationWatch {
  const { log, clock, timer, maxAge, failure, onFailure, onAge } = parts;
  const freshFor = parts.freshFor ?? milliseconds(1_000);
  const answerWithin = parts.answerWithin ?? seconds(2);
  const answerTime = answerWithin * 1_000;
  const follower = new RevocationFollower(clock);
  const nothing = new HeldRevocations();
  let refreshingUntil = 0;
  let failedAt = Number.NEGATIVE_INFINITY;
  let tryingUntil = 0;

  /** Undefined once the log was read to its end. */
  const refresh = async (): Promise<Refused<Refusal<"store_unavailable">> | undefined> => {
    try {
      await follower.follow(async (cursor) => {
        const answer = await inTime(log.since(cursor), answerWithin, timer);
        if (answer === "late") throw new Error("no answer in time");
        return answer;
      });
      failedAt = Number.NEGATIVE_INFINITY;
      return undefined;
    } catch (error) {
      return unavailable(error instanceof Error ? error.message : "it failed");
    }
  };

  const refreshBehind = async (): Promise<void> => {
    const refused = await refresh();
    refreshingUntil = refused === undefined ? 0 : clock() + pause;
    if (refused !== undefined) onFailure?.(refused.refusal);
  };

  const wait = async (askedAt: number): Promise<Result<RevocationSnapshot, Refusal<"store_unavailable">>> => {
    tryingUntil = askedAt + answerTime;
    const failed = await refresh();
    // Another request may have had more luck; and an answer that was too old when it was asked for is none.
    const { whole, asOf } = follower;
    if (whole !== undefined && asOf !== undefined && asOf > askedAt - maxAge) return given(whole);
    failedAt = clock();
    tryingUntil = 0;
    const refused = failed ?? unavailable("its answers are too old; is a clock wrong?");
    onFailure?.(refused.refusal);
    return failure === "open" ? given(whole ?? nothing) : refused;
  };

  const given = (snapshot: RevocationSnapshot): Result<RevocationSnapshot, never> => {
    tellAge(clock());
    return ok(snapshot);
  };

  const tellAge = (now: number): void => {
    const { asOf } = follower;
    onAge?.(asOf === undefined ? anHour : milliseconds(Math.min(Math.max(now - asOf, 0), anHour)));
  };

  /** Whether the log is known to be down, so that this request need not find it out by waiting. */
  const isDown = (now: number): boolean => {
    const ago = now - failedAt;
    // A failure of long ago says nothing: of several requests that come after a silence, all ask.
    return ago < pause || (ago < 2 * pause + answerTime && now < tryingUntil);
  };

  const atHand: RevocationWatch["atHand"] = (waitUntil) => {
    const now = clock();
    const { whole, asOf } = follower;
    const age = asOf === undefined ? Number.POSITIVE_INFINITY : now - asOf;
    if (whole === undefined || age >= maxAge) {
      if (failure === "closed" || !isDown(now)) return undefined;
      tellAge(now);
      return whole ?? nothing;
    }
    tellAge(now);
    if (age > freshFor && now >= refreshingUntil) {
      refreshingUntil = now + answerTime;
      waitUntil(refreshBehind());
    }
    return whole;
  };

  return {
    atHand,
    current: async (waitUntil) => {
      const snapshot = atHand(waitUntil);
      if (snapshot !== undefined) return ok(snapshot);
      const now = clock();
      return isDown(now) ? unavailable("it did not answer just now") : wait(now);
    },
  };
}

function unavailable(why: string): Refused<Refusal<"store_unavailable">> {
  return refusal("store_unavailable", `the revocation log: ${why}`);
}

/** How often a reader can restart before the log counts as broken. */
const mostBeginnings = 3;

/**
 * Follows the log. Several requests may do so at once without waiting for each other: each adds what it is told, an answer
 * that was overtaken changes nothing, and the pages that one has read are there for all.
 */
class RevocationFollower {
  readonly #clock: MillisecondClock;
  #whole: HeldRevocations | undefined;
  #asOf: UnixMilliseconds | undefined;
  /** What pages are added to: the whole, or what takes its place once the last page is read. */
  #growing = new HeldRevocations();
  /** Since when pages were added without a silence in between: when it was last read to its end, or else begun. */
  #growingAsOf: UnixMilliseconds | undefined;

  constructor(clock: MillisecondClock) {
    this.#clock = clock;
  }

  /** All that is forbidden, as far as it is known; undefined before it was read to its end for the first time. */
  get whole(): RevocationSnapshot | undefined {
    return this.#whole;
  }

  /** When the last of it was asked for; what was added before that is in the whole. */
  get asOf(): UnixMilliseconds | undefined {
    return this.#asOf;
  }

  /** Reads on to the log's end. Rejects where `since` does, and where the log leads nowhere; what was read stays read. */
  async follow(since: (cursor: number) => Promise<RevocationDelta>): Promise<void> {
    this.#beginAfterSilence();
    for (let beginnings = 0; beginnings < mostBeginnings; ) {
      const from = this.#growing;
      const { cursor } = from;
      const page = await since(cursor);
      const goesBack = page.cursor < cursor && !page.reset;
      if (page.more && page.cursor <= cursor && !page.reset && !goesBack) throw new Error("a page leads to itself");
      // Another request found that the log has restarted; this page is from before.
      if (from !== this.#growing) beginnings++;
      else if (goesBack || (page.reset && cursor !== 0)) {
        beginnings++;
        this.#begin();
        // Without `reset` it does not say that it tells everything.
        if (page.reset && this.#take(page)) return;
      } else if (this.#take(page)) return;
    }
    throw new Error("it begins anew over and over");
  }

  #begin(): void {
    this.#growing = new HeldRevocations();
    this.#growingAsOf = undefined;
  }

  /** The log tells for a while only what it has taken back, so a snapshot of before that would hold it for ever. */
  #beginAfterSilence(): void {
    const silence = this.#clock() - (this.#growingAsOf ?? this.#clock());
    if (silence > longestSilence * 1000) this.#begin();
  }

  /** Adds a page; true where it was the last. */
  #take(page: RevocationDelta): boolean {
    // A lower cursor is that of an answer which another one, told later, has overtaken.
    if (page.cursor >= this.#growing.cursor) this.#growing.apply(page);
    this.#growingAsOf ??= page.asOf;
    if (page.more) return false;
    this.#growingAsOf = unixMilliseconds(Math.max(page.asOf, this.#growingAsOf));
    this.#whole = this.#growing;
    // A clock that is ahead must not make an answer look younger than it is: it may have been kept by another isolate's.
    const asOf = Math.min(page.asOf, this.#clock());
    this.#asOf = unixMilliseconds(Math.max(asOf, this.#asOf ?? 0));
    return true;
  }
}
