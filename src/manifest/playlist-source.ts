import { ok, type Refusal, type Result, refusal } from "../base/result.ts";
import type { MillisecondClock, Seconds, UnixMilliseconds } from "../base/time.ts";
import type { Asset } from "../catalog/asset.ts";
import { originIdentity } from "../catalog/asset-origin.ts";
import type { OriginRequest } from "../origin/origin.ts";
import { type DeliveryDirectives, directiveQuery, holds } from "../playlist/delivery-directives.ts";
import { progressOf } from "../playlist/progress.ts";
import { type FetchContext, type FetchRefusal, fetchPlaylist } from "./fetch-playlist.ts";
import { freshWithoutHistory } from "./playlist-pace.ts";

/** A request for a version of a playlist, without anything of a viewer. Plain data, for RPC. */
export interface PlaylistQuestion {
  readonly asset: Asset;
  /** Below the asset's prefix, as the origin receives it: `360p/index.m3u8`. */
  readonly path: string;
  /** The origin's own query as it is sent, without `?` and delivery directives. */
  readonly query: string;
  /** The viewer's delivery directives that the playlist admits. */
  readonly directives: DeliveryDirectives;
  /** How long the origin may hold its response beyond its `timeout`, if `directives` has a position. */
  readonly hold: Seconds;
  /** The caller's version, by its entity tag, and whether that is live. */
  readonly known?: { readonly etag: string; readonly live: boolean } | undefined;
}

/** A version of an origin's playlist. All times are absolute, so ages do not add up on the way. Plain data, for RPC. */
export interface PlaylistAnswer {
  /** Undefined if it is still the `known` version. */
  readonly text: string | undefined;
  readonly etag: string | undefined;
  /** The origin's redirect, as path and query below the asset's prefix. */
  readonly location?: string | undefined;
  /** When the origin confirmed this version. */
  readonly checkedAt: UnixMilliseconds;
  /** Until when nothing needs to ask again. */
  readonly freshUntil: UnixMilliseconds;
  /** Why this is the last version instead of the current one: the origin failed or is slow. For the log. */
  readonly failure?: SourceRefusal | undefined;
  /** Whether all requests with the same question may share it: it contains what was asked for, and nothing failed. */
  readonly shared: boolean;
}

/** `playlist_invalid`: the text is not a playlist. `store_unavailable`: the shared playlist is not available. */
export type SourceRefusal = Refusal<FetchRefusal["code"] | "playlist_invalid" | "store_unavailable">;

/**
 * Port: the text of playlists, between the isolate's shelf and the origin. A text holds the origin's bytes as in
 * `base/lossless-text.ts`.
 */
export type PlaylistSource = (question: PlaylistQuestion) => Promise<Result<PlaylistAnswer, SourceRefusal>>;

/** The name of a playlist, independent of delivery directives: its location at the origin and the origin's query. */
export function playlistName({ asset, path, query }: Pick<PlaylistQuestion, "asset" | "path" | "query">): string {
  return `${originIdentity(asset.origin)}${path}?${query}`;
}

/** How long the origin may hold its response: only for a blocking reload. */
export function holdFor({ directives, hold }: PlaylistQuestion): Seconds | undefined {
  return directives.least === undefined ? undefined : hold;
}

/** The request to the origin. A blocking reload asks for a new version, so it sends no entity tag. */
export function originRequest(question: PlaylistQuestion, ifNoneMatch: string | undefined): OriginRequest {
  const { asset, path, directives } = question;
  const query = [question.query, directiveQuery(directives)].filter((part) => part !== "").join("&");
  const hold = holdFor(question);
  const request = { asset, path, query, method: "GET", locates: true } as const;
  return hold === undefined ? { ...request, ifNoneMatch } : { ...request, hold };
}

const covered: ReadonlySet<Refusal["code"]> = new Set([
  "origin_failed",
  "origin_slow",
  "store_unavailable",
  // A 200 with an error page or half a playlist is as much a failure as a 500.
  "playlist_invalid",
  "playlist_too_large",
  "uri_foreign",
]);

/** Whether the last version may replace this refusal. Not for a playlist that is gone, nor for our own faults. */
export function canBeCovered({ code }: Refusal): boolean {
  return covered.has(code);
}

export interface DirectPorts extends FetchContext {
  readonly clock: MillisecondClock;
}

/**
 * Playlists directly from the origin, with one request per question. It knows no phase, so a live playlist is fresh for
 * a second. For tests and benchmarks, and for an isolate that cannot reach the shared object.
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
        return refusal("origin_failed", `${asset.id}: the origin answered 304 to a request without a condition`);
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
    // A response that was held is current as of its arrival.
    const checkedAt = directives.least === undefined ? askedAt : sight.answeredAt;
    const shared = directives.least === undefined || holds(progress, directives.least);
    return ok({ text, etag, location, checkedAt, freshUntil: freshWithoutHistory(progress.live, sight), shared });
  };
}
