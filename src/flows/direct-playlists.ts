import type { MillisecondClock } from "../base/milliseconds.ts";
import { refusal } from "../base/refusal.ts";
import { ok } from "../base/result.ts";
import { progressOf } from "../playlist/progress.ts";
import { holds } from "./delivery-directives.ts";
import { type FetchContext, fetchPlaylist } from "./fetch-playlist.ts";
import { freshWithoutHistory } from "./playlist-pace.ts";
import { originRequest, type PlaylistSource } from "./playlist-source.ts";

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
