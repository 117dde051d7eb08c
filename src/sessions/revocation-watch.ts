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
  /** Maximum age of a snapshot, and so the longest time until a revocation applies everywhere. */
  readonly maxAge: Milliseconds;
  /** While the log is down: "closed" refuses requests, "open" uses the last snapshot. */
  readonly failure: "closed" | "open";
  /** Up to this age a snapshot is used without a refresh; 1 s. */
  readonly freshFor?: Milliseconds;
  /** Timeout of a request to the log; 2 s. */
  readonly answerWithin?: Seconds;
  /** Called for each failed attempt, for the worker's log. */
  readonly onFailure?: (refusal: Refusal) => void;
  /** Called with the age of each snapshot that is used: an hour if there is none and every request is admitted. */
  readonly onAge?: (age: Milliseconds) => void;
}

/**
 * The revocations of now. Use a snapshot for one request only. `waitUntil` keeps the request alive for a background
 * refresh.
 */
export interface RevocationWatch {
  /** The snapshot without a promise; undefined if {@link RevocationWatch.current} has to be awaited. */
  atHand(waitUntil: (work: Promise<unknown>) => void): RevocationSnapshot | undefined;
  /** As `atHand`, or once the log has answered. `store_unavailable` if the log fails and `failure` is "closed". */
  current(
    waitUntil: (work: Promise<unknown>) => void,
  ): Promise<Result<RevocationSnapshot, Refusal<"store_unavailable">>>;
  /**
   * For operators: waits for the log where `current` would refresh in the background, so that each caller sees the
   * effect of the operator's last action. `store_unavailable` as above; up to `maxAge` a snapshot is used if the log
   * fails.
   */
  fresh(): Promise<Result<RevocationSnapshot, Refusal<"store_unavailable">>>;
  /**
   * For hosts whose log reports its changes: reads the log at once, and once more if this was called in the meantime.
   * Never rejects.
   */
  catchUp(): Promise<void>;
}

/** How long to wait after a failure before the next attempt, in milliseconds. */
const pause = 1_000;

/** The age that is reported if there is no snapshot. */
const anHour = milliseconds(3_600_000);

/**
 * Keeps an isolate's snapshot of the revocation log. Up to `freshFor` it is used as it is; after that one request
 * refreshes it in the background; after `maxAge` each request reads the log itself, since a request in workerd cannot
 * await the I/O of another. While the log is down, one request per second tries it, and the others do not wait.
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
    // Another request may have succeeded. An answer that was already too old when requested counts as a failure.
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

  /** Whether the log is known to be down, so that this request does not wait for it. */
  const isDown = (now: number): boolean => {
    const ago = now - failedAt;
    // An old failure says nothing: after a silence every request asks the log.
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

  const current: RevocationWatch["current"] = async (waitUntil) => {
    const snapshot = atHand(waitUntil);
    if (snapshot !== undefined) return ok(snapshot);
    const now = clock();
    return isDown(now) ? unavailable("it did not answer just now") : wait(now);
  };

  let isCatchingUp = false;
  let changedAgain = false;

  return {
    atHand,
    current,
    catchUp: async () => {
      changedAgain = true;
      if (isCatchingUp) return;
      isCatchingUp = true;
      while (changedAgain) {
        changedAgain = false;
        await refreshBehind();
      }
      isCatchingUp = false;
    },
    fresh: async () => {
      const now = clock();
      const isFresh = follower.asOf !== undefined && now - follower.asOf <= freshFor;
      // While the log is down, nothing is at hand that needs a refresh.
      return isFresh || isDown(now) ? current(() => undefined) : wait(now);
    },
  };
}

function unavailable(why: string): Refused<Refusal<"store_unavailable">> {
  return refusal("store_unavailable", `the revocation log: ${why}`);
}

/** How often a reader can restart before the log counts as broken. */
const mostBeginnings = 3;

/**
 * Reads the log page by page. Several requests may do so at once without waiting for each other: all share the pages
 * that were read, and an outdated answer changes nothing.
 */
class RevocationFollower {
  readonly #clock: MillisecondClock;
  #whole: HeldRevocations | undefined;
  #asOf: UnixMilliseconds | undefined;
  /** The snapshot that pages are added to. It replaces the whole after the last page. */
  #growing = new HeldRevocations();
  /** When the growing snapshot was last complete, or else when its first page was requested. */
  #growingAsOf: UnixMilliseconds | undefined;

  constructor(clock: MillisecondClock) {
    this.#clock = clock;
  }

  /** The last complete snapshot; undefined until the log was first read to its end. */
  get whole(): RevocationSnapshot | undefined {
    return this.#whole;
  }

  /** When the last page of the whole was requested: every earlier entry is in it. */
  get asOf(): UnixMilliseconds | undefined {
    return this.#asOf;
  }

  /** Reads to the end of the log. Rejects if `since` does, or if the log never ends; pages that were read are kept. */
  async follow(since: (cursor: number) => Promise<RevocationDelta>): Promise<void> {
    this.#beginAfterSilence();
    for (let beginnings = 0; beginnings < mostBeginnings; ) {
      const from = this.#growing;
      const { cursor } = from;
      const page = await since(cursor);
      const goesBack = page.cursor < cursor && !page.reset;
      if (page.more && page.cursor <= cursor && !page.reset && !goesBack) throw new Error("a page leads to itself");
      // Another request found that the log has restarted, so this page is outdated.
      if (from !== this.#growing) beginnings++;
      else if (goesBack || (page.reset && cursor !== 0)) {
        beginnings++;
        this.#begin();
        // A page without `reset` may be incomplete.
        if (page.reset && this.#take(page)) return;
      } else if (this.#take(page)) return;
    }
    throw new Error("the log resets again and again");
  }

  #begin(): void {
    this.#growing = new HeldRevocations();
    this.#growingAsOf = undefined;
  }

  /** The log forgets lifted entries after a while: an older snapshot would keep them for ever, so it is read again. */
  #beginAfterSilence(): void {
    const silence = this.#clock() - (this.#growingAsOf ?? this.#clock());
    if (silence > longestSilence * 1000) this.#begin();
  }

  /** Adds a page; true if it is the last. */
  #take(page: RevocationDelta): boolean {
    // A lower cursor belongs to an answer that a later one has overtaken.
    if (page.cursor >= this.#growing.cursor) this.#growing.apply(page);
    this.#growingAsOf ??= page.asOf;
    if (page.more) return false;
    this.#growingAsOf = unixMilliseconds(Math.max(page.asOf, this.#growingAsOf));
    this.#whole = this.#growing;
    // The answer may come from another isolate's cache: a clock that is ahead there must not make it look newer.
    const asOf = Math.min(page.asOf, this.#clock());
    this.#asOf = unixMilliseconds(Math.max(asOf, this.#asOf ?? 0));
    return true;
  }
}
