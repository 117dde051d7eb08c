import type { TextHash } from "../base/hash.ts";
import type { Refusal } from "../base/refusal.ts";
import type { Result } from "../base/result.ts";
import type { Clock } from "../base/seconds.ts";
import type { Catalog } from "../catalog/catalog.ts";
import { type PlaylistFlowContext, servePlaylist } from "../flows/serve-playlist.ts";
import { openGrant } from "../signing/grant.ts";
import { parseMediaTarget } from "../signing/media-target.ts";
import { clientOf } from "./client.ts";
import { type MediaRequest, opening } from "./media.ts";

export interface ManifestParts extends Omit<PlaylistFlowContext, "catalog" | "now" | "client"> {
  readonly sha256: TextHash;
  readonly development: boolean;
  readonly clock: Clock;
  readonly catalog: () => Promise<Result<Catalog, Refusal>>;
}

/** What the manifest worker does with a request: playlists, and nothing else. */
export async function answerManifest(asked: MediaRequest, parts: ManifestParts): Promise<Result<Response, Refusal>> {
  const target = parseMediaTarget(asked.target);
  if (!target.ok) return target;
  const catalog = await parts.catalog();
  if (!catalog.ok) return catalog;
  const client = clientOf(asked.raw, parts.sha256, parts.development);
  const context = { ...parts, open: opening(asked, parts.open ?? openGrant), client, catalog: catalog.value };
  return servePlaylist(target.value, asked.method, { ...context, now: parts.clock() });
}
