import type { TextHash } from "../base/hash.ts";
import type { Refusal } from "../base/refusal.ts";
import { ok, type Result } from "../base/result.ts";
import type { Clock } from "../base/seconds.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { WaitUntil } from "../flows/fill-cache.ts";
import type { PlaylistSource } from "../flows/playlist-source.ts";
import { type PlaylistFlowContext, servePlaylist } from "../flows/serve-playlist.ts";
import { openGrant } from "../signing/grant.ts";
import { parseMediaTarget } from "../signing/media-target.ts";
import { clientOf } from "./client.ts";
import { healthAnswer, healthPath, type Readiness, readyAnswer, readyPath } from "./health.ts";
import { type MediaRequest, opening } from "./media.ts";
import { type PlaylistFrom, tellPlaylistFrom } from "./playlist-from.ts";

export interface ManifestParts extends Omit<PlaylistFlowContext, "catalog" | "now" | "client"> {
  readonly sha256: TextHash;
  readonly development: boolean;
  readonly clock: Clock;
  readonly ready: Readiness;
  readonly waitUntil: WaitUntil;
  readonly catalog: () => Promise<Result<Catalog, Refusal>>;
}

/** What the manifest worker does with a request: playlists, and whether it is there and ready, which the edge worker asks. */
export async function answerManifest(asked: MediaRequest, parts: ManifestParts): Promise<Result<Response, Refusal>> {
  if (asked.target === healthPath) return ok(healthAnswer(asked.method));
  if (asked.target === readyPath) return ok(await readyAnswer(asked.method, parts.ready, parts.waitUntil));
  const target = parseMediaTarget(asked.target);
  if (!target.ok) return target;
  const catalog = await parts.catalog();
  if (!catalog.ok) return catalog;
  const client = clientOf(asked.raw, parts.sha256, parts.development);
  let from: PlaylistFrom = "memory";
  const source: PlaylistSource = (question) => {
    from = "origin";
    return parts.source(question);
  };
  const context = { ...parts, source, open: opening(asked, parts.open ?? openGrant), client, catalog: catalog.value };
  const answered = await servePlaylist(target.value, asked.method, { ...context, now: parts.clock() });
  if (answered.ok) tellPlaylistFrom(answered.value, from);
  return answered;
}
