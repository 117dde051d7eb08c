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
  /** The URL of the origin's last redirect. It may differ per request, even if the text is the same. */
  location: string | undefined;
  /** When the last request was sent that the origin answered with this version. */
  checkedAt: UnixMilliseconds;
  pace: Pace;
}

interface Waiter {
  readonly position: Position;
  readonly resolve: (version: Version) => void;
}

/** The latest version of a playlist, and the requests that wait for a later one. */
export class LatestVersion {
  readonly #waiting = new Set<Waiter>();
  #version: Version | undefined;

  get version(): Version | undefined {
    return this.#version;
  }

  /** Called when the playlist no longer exists. */
  forget(): void {
    this.#version = undefined;
  }

  /** Resolves with the next version that contains `position`. The caller calls `leave` when it stops waiting. */
  arrivalOf(position: Position): { readonly arrival: Promise<Version>; readonly leave: () => void } {
    const { promise: arrival, resolve } = Promise.withResolvers<Version>();
    const waiter: Waiter = { position, resolve };
    this.#waiting.add(waiter);
    return { arrival, leave: () => void this.#waiting.delete(waiter) };
  }

  /** The version, if it may be served while the origin fails. */
  standIn(now: UnixMilliseconds): Version | undefined {
    const version = this.#version;
    return version !== undefined && mayStandIn(version.progress, version.checkedAt, now) ? version : undefined;
  }

  /**
   * Called when a request, sent at `askedAt`, has failed or is slow. Delays the next request a little, unless a later
   * request has confirmed the version.
   */
  failed(askedAt: UnixMilliseconds, now: UnixMilliseconds): void {
    const version = this.standIn(now);
    if (version === undefined || version.checkedAt > askedAt) return;
    version.pace = { ...version.pace, freshUntil: later(version.pace.freshUntil, freshAfterFailure(now)) };
  }

  /** Records that the origin still has this version. */
  confirm(version: Version, sight: Sight): Version {
    version.pace = paceOfSame(version.progress, sight, version.pace);
    version.checkedAt = later(version.checkedAt, sight.askedAt);
    return version;
  }

  /**
   * Accepts a response of the origin. `waitedFor` is the position that a blocking request asked for. Refuses text that
   * is not a playlist, and text that looks truncated while the last version may be served instead.
   */
  take(
    { text, etag, location }: FetchedPlaylist & { readonly text: string },
    sight: Sight,
    waitedFor: Position | undefined,
  ): Result<Version, Refusal<"playlist_invalid" | "playlist_too_large" | "origin_failed">> {
    const latest = this.#version;
    if (latest?.text === text) {
      [latest.etag, latest.location] = [etag, location];
      // A blocking request without the new position confirms nothing: such requests must not delay the next poll.
      const isTooEarly = waitedFor !== undefined && !holds(latest.progress, waitedFor);
      return ok(isTooEarly ? latest : this.confirm(latest, sight));
    }
    const read = isJsonDocument(text) ? undefined : readPlaylist(text);
    if (read?.ok === false) return read;
    const progress = progressOf(text);
    // A slow response may be older than a version that arrived in the meantime, which is returned instead. A restarted
    // stream also has an older position, but in the response to a request that was sent later.
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
    for (const { position, resolve } of this.#waiting) if (holds(progress, position)) resolve(version);
    return ok(version);
  }
}

function later(a: UnixMilliseconds, b: UnixMilliseconds): UnixMilliseconds {
  return a > b ? a : b;
}
