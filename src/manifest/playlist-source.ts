import { ok, type Refusal, type Result, refusal } from "../base/result.ts";
import type { MillisecondClock, Seconds, UnixMilliseconds } from "../base/time.ts";
import type { Asset } from "../catalog/asset.ts";
import { originIdentity } from "../catalog/asset-origin.ts";
import type { OriginRequest } from "../origin/origin.ts";
import { type DeliveryDirectives, directiveQuery, holds } from "../playlist/delivery-directives.ts";
import { progressOf } from "../playlist/progress.ts";
import { type FetchContext, fetchPlaylist } from "./fetch-playlist.ts";
import { freshWithoutHistory } from "./playlist-pace.ts";

/** Which playlist is wanted, and which version of it. It holds nothing of a viewer. Plain data: it crosses to other isolates. */
export interface PlaylistQuestion {
  readonly asset: Asset;
  /** Relative to the asset's prefix, as the origin is asked for it: `360p/index.m3u8`. */
  readonly path: string;
  /** The origin's own query, as it is asked with it, without `?` and without delivery directives. */
  readonly query: string;
  /** What of a viewer's delivery directives the playlist admits. */
  readonly directives: DeliveryDirectives;
  /** How long the origin may hold its answer beyond its `timeout`, where `directives` says what it has to wait for. */
  readonly hold: Seconds;
  /** The version that the asker has, by its entity tag, and whether it is one of a live playlist. */
  readonly known?: { readonly etag: string; readonly live: boolean } | undefined;
}

/** A version of an origin's playlist. All times are absolute, so that ages do not add up on the way. Plain data. */
export interface PlaylistAnswer {
  /** Undefined where it still is the version that is `known`. */
  readonly text: string | undefined;
  readonly etag: string | undefined;
  /** Where the origin redirected to, as path and query below the asset's prefix. */
  readonly location?: string | undefined;
  /** When the origin said that this is the version. */
  readonly checkedAt: UnixMilliseconds;
  /** Until when nobody has to ask again. */
  readonly freshUntil: UnixMilliseconds;
  /** Why this is not what the origin has now, but the last version that it had: it failed, or is slow. For the log. */
  readonly failure?: Refusal | undefined;
  /** Whether it is an answer for all who ask the same: it holds what was asked for, and nothing failed. */
  readonly shared: boolean;
}

/**
 * The port to the text of playlists, between what an isolate keeps and the origin. It refuses what the origin refuses, and
 * `playlist_too_large`. A text holds the origin's bytes as `base/lossless-text.ts` writes them.
 */
export type PlaylistSource = (question: PlaylistQuestion) => Promise<Result<PlaylistAnswer, Refusal>>;

/** One text for a playlist, whatever directives it is asked for with: its place at the origin and the origin's query. */
export function playlistName({ asset, path, query }: Pick<PlaylistQuestion, "asset" | "path" | "query">): string {
  return `${originIdentity(asset.origin)}${path}?${query}`;
}

/** What the origin is asked for. A version that is waited for is none that somebody has, so no tag goes with that. */
export function originRequest(question: PlaylistQuestion, ifNoneMatch: string | undefined): OriginRequest {
  const { asset, path, directives, hold } = question;
  const query = [question.query, directiveQuery(directives)].filter((part) => part !== "").join("&");
  const waits = directives.least !== undefined;
  return { asset, path, query, method: "GET", locates: true, ...(waits ? { hold } : { ifNoneMatch }) };
}

const covered: ReadonlySet<Refusal["code"]> = new Set([
  "origin_failed",
  "origin_slow",
  "store_unavailable",
  // An origin that answers 200 with an error page, or with half of a playlist, has failed as much as one that answers 500.
  "playlist_invalid",
  "playlist_too_large",
  "uri_foreign",
]);

/** Whether the last version may be given out in place of this refusal: what is gone is gone, and our own faults get fixed. */
export function canBeCovered({ code }: Refusal): boolean {
  return covered.has(code);
}

export interface DirectPorts extends FetchContext {
  readonly clock: MillisecondClock;
}

/**
 * Playlists straight from the origin: each question is one to the origin. It knows no phase, so a live playlist is fresh
 * for a second. For tests and benchmarks, and for an isolate that does not reach what is shared.
 */
export function directPlaylists(ports: DirectPorts): PlaylistSource {
  return async (question) => {
    const { asset, directives, known } = question;
    const askedAt = ports.clock();
    const fetched = await fetchPlaylist(originRequest(question, known?.etag), ports);
    if (!fetched.ok) return fetched;
    const sight = { askedAt, answeredAt: ports.clock() };
    const { text, etag, location } = fetched.value;
    if (text === undefined) {
      if (known === undefined)
        return refusal("origin_failed", `${asset.id}: the origin answered 304 without being asked`);
      return ok({
        text: undefined,
        etag: known.etag,
        location,
        checkedAt: askedAt,
        freshUntil: freshWithoutHistory(known.live, sight),
        shared: true,
      });
    }
    const progress = progressOf(text);
    // An answer that was held is of the moment it came at.
    const checkedAt = directives.least === undefined ? askedAt : sight.answeredAt;
    const shared = directives.least === undefined || holds(progress, directives.least);
    return ok({ text, etag, location, checkedAt, freshUntil: freshWithoutHistory(progress.live, sight), shared });
  };
}
