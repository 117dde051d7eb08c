import { type Refusal, refusal } from "../base/refusal.ts";
import { ok, type Result, refuse } from "../base/result.ts";
import type { Seconds } from "../base/seconds.ts";
import { fillPlaylist } from "../playlist/render.ts";
import { wrapMediaPlaylist } from "../playlist/wrap.ts";
import type { MediaTarget } from "../signing/media-target.ts";
import { signedParameter } from "../signing/media-url.ts";
import { macFor } from "../signing/session-keys.ts";
import { type CheckContext, checkMediaTarget, type MediaAccess } from "./check-media-request.ts";
import { deliveryDirectives } from "./delivery-directives.ts";
import { isEntry, type LoadContext, type LoadedPlaylist, loadPlaylist } from "./load-playlist.ts";
import { type RenderContext, renderForStep } from "./render-for-step.ts";

export interface PlaylistFlowContext extends CheckContext, LoadContext, RenderContext {
  readonly expiryStep: Seconds;
}

const headers = {
  "Content-Type": "application/vnd.apple.mpegurl",
  // What is in it is for one viewer and one step; a cache would hand it to the next.
  "Cache-Control": "no-store",
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
};

/**
 * A playlist, the whole story: the request is checked, the origin's playlist read and taken apart once a version, its
 * segments' URLs signed once a step for everybody, and the URLs of other playlists signed for this viewer. A playlist's
 * URL is never renewed by a redirect: some players would keep the short-lived address for good.
 */
export async function servePlaylist(
  target: MediaTarget,
  method: "GET" | "HEAD",
  context: PlaylistFlowContext,
): Promise<Result<Response, Refusal>> {
  const checked = checkMediaTarget(target, context);
  if (checked.verdict !== "passed") return refuse(checked.refusal);
  const { access } = checked;
  if (access.purpose !== "playlist") return refusal("signature_missing", "the URL is signed, but not as a playlist's");
  const { asset, rest, query } = access;
  const loaded = await loadPlaylist({ asset, rest, query }, deliveryDirectives(access.appended), context);
  if (!loaded.ok) return loaded;
  const body = await bodyFor(access, loaded.value, context);
  if (!body.ok) return body;
  if (method === "GET") return ok(new Response(body.value, { headers }));
  const length = { "Content-Length": String(new Blob([body.value]).size) };
  return ok(new Response(null, { headers: { ...headers, ...length } }));
}

async function bodyFor(
  access: MediaAccess,
  loaded: LoadedPlaylist,
  context: PlaylistFlowContext,
): Promise<Result<Blob | string, Refusal>> {
  if (isEntryThatEnds(access, loaded)) {
    const wrapped = wrapMediaPlaylist(loaded.compiled.template, { path: access.path, query: access.signedQuery });
    return ok(fillPlaylist(wrapped, (other) => playlistUrl(other, access)));
  }
  const rendered = await renderForStep(access, loaded, context);
  if (!rendered.ok) return rendered;
  const playlist = rendered.value;
  if (playlist instanceof Blob) return ok(playlist);
  return ok(fillPlaylist(playlist, (other) => playlistUrl(other, access)));
}

/**
 * Whether a media playlist was asked for as the manifest that is going to be asked for again. The manifest's URL ends within
 * minutes and a player would reload it for hours, so the player is given a multivariant playlist around it, in which its URL
 * lives as long as the session. One that will not change is loaded once, and comes as it is: a round trip more is seen in
 * the time to the first picture. Unless CloudFront serves the segments: then it is where fresh URLs come from.
 */
function isEntryThatEnds(access: MediaAccess, { compiled }: LoadedPlaylist): boolean {
  const { kind, live } = compiled.template;
  const reloaded = kind === "media" && (live || access.asset.cdn === "cloudfront-signed");
  return reloaded && isEntry(access) && access.expiry < access.grant.expiresAt;
}

/** Another playlist's URL for this viewer: bound to the grant, and good for as long as it, since players reload it. */
function playlistUrl({ path, query }: { readonly path: string; readonly query: string }, { grant, key }: MediaAccess) {
  const mac = macFor(key, "playlist", grant.text);
  return { query: signedParameter(mac, "playlist", { path, query, expiry: grant.expiresAt }) };
}
