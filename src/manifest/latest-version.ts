import { ok, type Refusal, type Result, refusal } from "../base/result.ts";
import type { UnixMilliseconds } from "../base/time.ts";
import { readPlaylist } from "../playlist/compile.ts";
import { holds, isAhead, type Position } from "../playlist/delivery-directives.ts";
import { isJsonDocument } from "../playlist/json-document.ts";
import { type Progress, progressOf } from "../playlist/progress.ts";
import { cutFault } from "./current-version.ts";
import type { FetchedPlaylist } from "./fetch-playlist.ts";
import { freshAfterFailure, mayStandIn, type Pace, paceOfNew, paceOfSame, type Sight } from "./playlist-pace.ts";

/** A version of a playlist, as the origin gave it. */
export interface Version {
  readonly text: string;
  readonly progress: Progress;
  etag: string | undefined;
  /** Where the origin last redirected to. It may be another place with each question, for the same text. */
  location: string | undefined;
  /** When the origin last said that this is the version, and when it is to be asked again. */
  checkedAt: UnixMilliseconds;
  pace: Pace;
}

interface Waiter {
  readonly least: Position;
  readonly arrive: (version: Version) => void;
}

/** The last version of a playlist that was seen, and those who wait for a later one. */
export class LatestVersion {
  readonly #waiting = new Set<Waiter>();
  #version: Version | undefined;

  get version(): Version | undefined {
    return this.#version;
  }

  /** The playlist is gone. */
  forget(): void {
    this.#version = undefined;
  }

  /** The next version that holds `least`; `leave` where nobody waits for it any more. */
  arrivalOf(least: Position): { readonly arrival: Promise<Version>; readonly leave: () => void } {
    const { promise: arrival, resolve: arrive } = Promise.withResolvers<Version>();
    const waiter: Waiter = { least, arrive };
    this.#waiting.add(waiter);
    return { arrival, leave: () => void this.#waiting.delete(waiter) };
  }

  /** The version, where it can stand in for one that the origin does not give. */
  standIn(now: UnixMilliseconds): Version | undefined {
    const version = this.#version;
    return version !== undefined && mayStandIn(version.progress, version.checkedAt, now) ? version : undefined;
  }

  /**
   * A question of `askedAt` for the current version has failed, or is slow: for a moment nobody asks. But where another one
   * was answered meanwhile, it says nothing about the next.
   */
  failed(askedAt: UnixMilliseconds, now: UnixMilliseconds): void {
    const version = this.standIn(now);
    if (version === undefined || version.checkedAt > askedAt) return;
    version.pace = { ...version.pace, freshUntil: later(version.pace.freshUntil, freshAfterFailure(now)) };
  }

  /** The origin still has this version. */
  confirm(version: Version, sight: Sight): Version {
    version.pace = paceOfSame(version.progress, sight, version.pace);
    version.checkedAt = later(version.checkedAt, sight.askedAt);
    return version;
  }

  /**
   * What the origin has sent. `waitedFor` is what it was to wait for, if anything. Refuses what is no playlist, and what
   * looks like a part of one for as long as the last version can stand in: that one is kept.
   */
  take(
    { text, etag, location }: FetchedPlaylist & { readonly text: string },
    sight: Sight,
    waitedFor: Position | undefined,
  ): Result<Version, Refusal> {
    const latest = this.#version;
    if (latest?.text === text) {
      [latest.etag, latest.location] = [etag, location];
      // Who asks for what there is not yet, over and over, must not put off the question that the others wait for.
      const fails = waitedFor !== undefined && !holds(latest.progress, waitedFor);
      return ok(fails ? latest : this.confirm(latest, sight));
    }
    const read = isJsonDocument(text) ? undefined : readPlaylist(text);
    if (read?.ok === false) return read;
    const progress = progressOf(text);
    // An answer that took long may be older than a version that came in the meantime: that one is the answer then. A stream
    // that starts again is seen by a request that was sent after the last version came.
    const overtaken = latest !== undefined && isAhead(latest.progress, progress);
    if (overtaken && (waitedFor !== undefined || latest.checkedAt > sight.askedAt)) return ok(latest);
    const before = this.standIn(sight.answeredAt);
    const fault = before === undefined ? undefined : cutFault({ text, progress }, before);
    if (fault !== undefined) return refusal("origin_failed", `the origin sent a part of the playlist: ${fault}`);
    const version = {
      text,
      etag,
      location,
      progress,
      checkedAt: sight.askedAt,
      pace: paceOfNew(progress, sight, latest),
    };
    this.#version = version;
    for (const { least, arrive } of this.#waiting) if (holds(progress, least)) arrive(version);
    return ok(version);
  }
}

function later(a: UnixMilliseconds, b: UnixMilliseconds): UnixMilliseconds {
  return a > b ? a : b;
}
