import { ok, type Refusal, type Result, refusal } from "../base/result.ts";
import type { UnixMilliseconds } from "../base/time.ts";
import { readPlaylist } from "../playlist/compile.ts";
import { holds, isAhead, type Position } from "../playlist/delivery-directives.ts";
import { isJsonDocument } from "../playlist/json-document.ts";
import { type Progress, progressOf } from "../playlist/progress.ts";
import { cutFault } from "./current-version.ts";
import type { FetchedPlaylist } from "./fetch-playlist.ts";
import { freshAfterFailure, mayStandIn, type Pace, paceOfNew, paceOfSame, type Sight } from "./playlist-pace.ts";

/** A version of a playlist, as the origin sent it. */
export interface Version {
  readonly text: string;
  readonly progress: Progress;
  etag: string | undefined;
  /** The origin's last redirect. It may change with each request for the same text. */
  location: string | undefined;
  /** When the origin last confirmed this version, and when it is asked next. */
  checkedAt: UnixMilliseconds;
  pace: Pace;
}

interface Waiter {
  readonly least: Position;
  readonly arrive: (version: Version) => void;
}

/** The latest version of a playlist, and the requests that wait for a later one. */
export class LatestVersion {
  readonly #waiting = new Set<Waiter>();
  #version: Version | undefined;

  get version(): Version | undefined {
    return this.#version;
  }

  /** The playlist no longer exists. */
  forget(): void {
    this.#version = undefined;
  }

  /** Resolves with the next version that contains `least`. The caller calls `leave` when it stops waiting. */
  arrivalOf(least: Position): { readonly arrival: Promise<Version>; readonly leave: () => void } {
    const { promise: arrival, resolve: arrive } = Promise.withResolvers<Version>();
    const waiter: Waiter = { least, arrive };
    this.#waiting.add(waiter);
    return { arrival, leave: () => void this.#waiting.delete(waiter) };
  }

  /** The version, if it may replace one that the origin does not send. */
  standIn(now: UnixMilliseconds): Version | undefined {
    const version = this.#version;
    return version !== undefined && mayStandIn(version.progress, version.checkedAt, now) ? version : undefined;
  }

  /**
   * A request for the current version, sent at `askedAt`, has failed or is slow: nothing is asked for a moment. Unless
   * another request was answered since.
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
   * Accepts a response of the origin. `waitedFor` is the position that it waited for, if any. Refuses text that is not
   * a playlist, and text that looks truncated while the last version may replace it.
   */
  take(
    { text, etag, location }: FetchedPlaylist & { readonly text: string },
    sight: Sight,
    waitedFor: Position | undefined,
  ): Result<Version, Refusal<"playlist_invalid" | "playlist_too_large" | "origin_failed">> {
    const latest = this.#version;
    if (latest?.text === text) {
      [latest.etag, latest.location] = [etag, location];
      // Requests for positions that do not exist yet must not delay the request that the others wait for.
      const fails = waitedFor !== undefined && !holds(latest.progress, waitedFor);
      return ok(fails ? latest : this.confirm(latest, sight));
    }
    const read = isJsonDocument(text) ? undefined : readPlaylist(text);
    if (read?.ok === false) return read;
    const progress = progressOf(text);
    // A slow response may be older than a version that arrived meanwhile, which then is the answer. A restarted stream
    // shows in a request that was sent after the last version arrived.
    const overtaken = latest !== undefined && isAhead(latest.progress, progress);
    if (overtaken && (waitedFor !== undefined || latest.checkedAt > sight.askedAt)) return ok(latest);
    const before = this.standIn(sight.answeredAt);
    const fault = before === undefined ? undefined : cutFault({ text, progress }, before);
    if (fault !== undefined) return refusal("origin_failed", `the origin sent a truncated playlist: ${fault}`);
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
