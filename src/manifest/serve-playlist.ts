import type { TextHash } from "../base/crypto.ts";
import { textBody } from "../base/lossless-text.ts";
import { ok, type Refusal, type Result, refusal, refuse } from "../base/result.ts";
import { type Clock, earlier, type WaitUntil } from "../base/time.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { CatalogUnavailable } from "../catalog/catalog-source.ts";
import type { Configuration } from "../config/configuration.ts";
import { type MediaRequest, noteAsset, opening, type PlaylistFrom, setPlaylistFrom } from "../edge/answer-media.ts";
import {
  type CheckContext,
  checkMediaTarget,
  type MediaAccess,
  type MediaRefusal,
} from "../edge/check-media-request.ts";
import { playlistAccess, unenforcedFile } from "../edge/unenforced-file.ts";
import { healthPath, healthResponse, type Readiness, readyPath, readyResponse } from "../http/health.ts";
import { clientOf } from "../http/request.ts";
import { deliveryDirectives } from "../playlist/delivery-directives.ts";
import { fillPlaylist, type SignPlaylist, wrapMediaPlaylist } from "../playlist/render.ts";
import { openGrant } from "../signing/grant.ts";
import { type MediaTarget, parseMediaTarget } from "../signing/media-url.ts";
import { macFor } from "../signing/session-keys.ts";
import { isEntry, type LoadContext, type LoadedPlaylist, type LoadRefusal, loadPlaylist } from "./load-playlist.ts";
import type { PlaylistSource } from "./playlist-source.ts";
import { type ClassRefusal, loadInClass } from "./quality-class.ts";
import { type RenderContext, type RenderRefusal, renderForStep, signedReference } from "./render-for-step.ts";

export interface ManifestParts
  extends Omit<PlaylistFlowContext, "catalog" | "now" | "client">,
    Pick<Configuration, "development" | "edgeSecrets"> {
  readonly sha256: TextHash;
  readonly clock: Clock;
  readonly ready: Readiness;
  readonly waitUntil: WaitUntil;
  readonly catalog: () => Promise<Result<Catalog, CatalogUnavailable>>;
}

/** Why the manifest worker refuses a request. */
export type ManifestRefusal = MediaRefusal | CatalogUnavailable | LoadRefusal | ClassRefusal | RenderRefusal;

/** Handles a request of the manifest worker: a playlist, health or readiness. */
export async function answerManifest(
  asked: MediaRequest,
  parts: ManifestParts,
): Promise<Result<Response, ManifestRefusal>> {
  if (asked.target === healthPath) return ok(healthResponse(asked.method));
  if (asked.target === readyPath) return ok(await readyResponse(asked.method, parts.ready, parts.waitUntil));
  const target = parseMediaTarget(asked.target);
  if (!target.ok) return target;
  const catalog = await parts.catalog();
  if (!catalog.ok) return catalog;
  noteAsset(asked, target.value, catalog.value);
  const client = clientOf(asked.raw, parts.sha256, parts.development, parts.edgeSecrets);
  let from: PlaylistFrom = "memory";
  const source: PlaylistSource = (question) => {
    from = "origin";
    return parts.source(question);
  };
  const context = { ...parts, source, open: opening(asked, parts.open ?? openGrant), client, catalog: catalog.value };
  const answered = await servePlaylist(target.value, asked.method, { ...context, now: parts.clock() });
  if (answered.ok) setPlaylistFrom(answered.value, from);
  return answered;
}

type PlaylistFlowContext = CheckContext &
  LoadContext &
  RenderContext &
  Pick<Configuration, "expiryStep" | "enforcement">;

const contentTypes = {
  multivariant: "application/vnd.apple.mpegurl",
  media: "application/vnd.apple.mpegurl",
  document: "application/json",
} as const;

const commonHeaders = {
  // The body is for one viewer and one step: a cache would give it to the next viewer.
  "Cache-Control": "no-store",
  "Referrer-Policy": "no-referrer",
};

/**
 * Serves a playlist: check the request, load the origin's playlist (compiled once per version), sign the segments' URLs
 * (once per step for all viewers) and then the URLs of other playlists for this viewer. A playlist's URL is never
 * renewed by a redirect: some players would keep the short-lived address.
 */
async function servePlaylist(
  target: MediaTarget,
  method: "GET" | "HEAD",
  context: PlaylistFlowContext,
): Promise<Result<Response, ManifestRefusal>> {
  const checked = checkMediaTarget(target, context);
  const passed = checked.verdict === "passed" ? ok(checked.access) : withoutSignature(target, checked.refusal, context);
  if (!passed.ok) return passed;
  const access = passed.value;
  if (access.purpose === "file") return redirectToCloudFront(access, context);
  if (access.purpose !== "playlist") return refusal("signature_missing", "the URL is signed, but not as a playlist's");
  const { asset, rest, query } = access;
  const whole = await loadPlaylist({ asset, rest, query }, deliveryDirectives(access.appended), context);
  const { qualityClass = "" } = access.grant;
  const loaded =
    whole.ok && qualityClass !== "" ? await loadInClass(whole.value, access, qualityClass, context) : whole;
  if (!loaded.ok) return loaded;
  const body = await bodyFor(access, loaded.value, context);
  if (!body.ok) return body;
  const headers = { "Content-Type": contentTypes[loaded.value.compiled.template.kind], ...commonHeaders };
  const bytes = typeof body.value === "string" ? textBody(body.value) : body.value;
  if (method === "GET") return ok(new Response(bytes, { headers }));
  const length = { "Content-Length": String(new Blob([bytes]).size) };
  return ok(new Response(null, { headers: { ...headers, ...length } }));
}

/** The access to a playlist with a valid grant only, if its asset is not enforced; otherwise the refusal. */
function withoutSignature(
  target: MediaTarget,
  why: MediaRefusal,
  context: PlaylistFlowContext,
): Result<MediaAccess, MediaRefusal> {
  const file = unenforcedFile(target, why.code, context);
  const access = file && playlistAccess(target, file, context);
  return access === undefined ? refuse(why) : ok(access);
}

/**
 * Redirects a `file` URL of a CloudFront asset to the same file with CloudFront's own signature. The edge has judged the
 * file and admitted its session. The redirect is followed again for each request, so a revocation reaches it, while the
 * CloudFront URL by itself is valid until its expiry.
 */
function redirectToCloudFront(
  { asset, path, query, grant, expiry }: MediaAccess,
  { cloudFront }: Pick<RenderContext, "cloudFront">,
): Result<Response, RenderRefusal | Refusal<"signature_missing">> {
  if (asset.cloudfront === undefined) return refusal("signature_missing", "files of this asset are served by the edge");
  const signer = cloudFront(asset.cloudfront);
  if (!signer.ok) return signer;
  const signed = signer.value.file(path, query, { expires: earlier(expiry, grant.expiresAt) });
  if (!signed.ok) return signed;
  return ok(new Response(null, { status: 307, headers: { ...commonHeaders, Location: signed.value } }));
}

async function bodyFor(
  access: MediaAccess,
  loaded: LoadedPlaylist,
  context: PlaylistFlowContext,
): Promise<Result<Blob | string, RenderRefusal>> {
  if (isEntryThatEnds(access, loaded)) {
    const wrapped = wrapMediaPlaylist(loaded.compiled.template, { path: access.path, query: access.signedQuery });
    return ok(fillPlaylist(wrapped, playlistSigner(access)));
  }
  const rendered = await renderForStep(access, loaded, context);
  if (!rendered.ok) return rendered;
  const playlist = rendered.value;
  if (playlist instanceof Blob) return ok(playlist);
  const base = loaded.compiled.template.kind === "document" ? (access.asset.cdnUrl ?? context.mediaUrl) : undefined;
  return ok(fillPlaylist(playlist, playlistSigner(access, base)));
}

/**
 * Whether the entry is a media playlist that players will reload. The manifest's URL expires within minutes and a
 * player would reload it for hours, so the player gets a multivariant playlist around it, with a URL that lives as long
 * as the session. A playlist that will not change is loaded once and served directly, because a further round trip
 * delays the first picture; except with CloudFront, where reloads bring fresh URLs.
 */
function isEntryThatEnds(access: MediaAccess, { compiled }: LoadedPlaylist): boolean {
  const { kind, live } = compiled.template;
  const reloaded = kind === "media" && (live || access.asset.cdn === "cloudfront-signed");
  return reloaded && isEntry(access) && access.expiry < access.grant.expiresAt;
}

/**
 * Signs other playlists' URLs for this viewer. They are bound to the grant and expire with it, because players reload
 * them. With `base`, the media host's URL, they are absolute.
 */
function playlistSigner({ grant, key }: MediaAccess, base?: string): SignPlaylist {
  const mac = macFor(key, "playlist", grant.text);
  const prefix = base === undefined ? undefined : `${base}/${grant.text}`;
  const { qualityClass, expiresAt: expiry } = grant;
  return ({ path, query }) => signedReference(mac, "playlist", { qualityClass, path, query, expiry }, prefix);
}
