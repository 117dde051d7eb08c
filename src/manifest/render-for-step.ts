import { type OriginFile, originFileOf } from "../base/alias.ts";
import type { TextMac } from "../base/crypto.ts";
import { textBody } from "../base/lossless-text.ts";
import type { MediaPurpose } from "../base/media-purpose.ts";
import { ok, type Refusal, type Refused, type Result } from "../base/result.ts";
import { after, later, roundDownTo, roundUpTo, type Seconds, seconds, type UnixSeconds } from "../base/time.ts";
import { type CloudFrontSettings, entryFile } from "../catalog/asset.ts";
import { isBound, type MediaAccess } from "../edge/check-media-request.ts";
import { expiriesOf, givenBy } from "../playlist/expiry-plan.ts";
import { renderShared, type SharedPlaylist, type SignTarget } from "../playlist/render.ts";
import type { PlaylistTemplate, Target } from "../playlist/template.ts";
import type { AssetSigner } from "../signing/cloudfront/asset-signers.ts";
import {
  type CloudFrontRefusal,
  type CloudFrontSigner,
  cloudFrontRendition,
} from "../signing/cloudfront/cloudfront-signer.ts";
import { type SignedParts, signedParameter, signedQuery } from "../signing/media-url.ts";
import { macFor } from "../signing/session-keys.ts";
import { type LoadContext, type LoadedPlaylist, type LoadRefusal, loadEntry } from "./load-playlist.ts";
import type { RenderedPlaylist } from "./playlist-shelf.ts";

export interface RenderContext {
  /** The signer of a CloudFront asset, or why there is none. */
  readonly cloudFront: (settings: CloudFrontSettings) => Result<AssetSigner, Refusal<"configuration_invalid">>;
}

export type RenderRefusal = Refusal<LoadRefusal["code"] | CloudFrontRefusal["code"]>;

type StepContext = LoadContext & RenderContext & { readonly expiryStep: Seconds };

/**
 * Renders a playlist with signed segment URLs: once per version, step and key, shared by all viewers. An asset that
 * binds its segments to the session has it rendered per request.
 */
export async function renderForStep(
  access: MediaAccess,
  loaded: LoadedPlaylist,
  context: StepContext,
): Promise<Result<RenderedPlaylist, RenderRefusal>> {
  const { asset, key } = access;
  const { template, renderings } = loaded.compiled;
  const { now, expiryStep, shelf } = context;
  const notAfter = asset.cloudfront === undefined ? undefined : capOf(template, access, context);
  const isDocument = template.kind === "document";
  const bound = isDocument || isBound("segment", asset);
  const signer = asset.cloudfront === undefined ? undefined : context.cloudFront(asset.cloudfront);
  if (signer?.ok === false) return signer;
  // The settings alone do not tell: the active key may change by the clock.
  const signedBy = signer === undefined ? "" : `${signer.value.keyPairId} ${JSON.stringify(asset.cloudfront)}`;
  const name = { step: roundUpTo(expiryStep, now), variant: `${key.kid} ${notAfter ?? ""} ${signedBy}` };
  const made = bound ? undefined : renderings.get(name);
  if (made !== undefined) return ok(made);
  const expiries = expiriesOf(template, now, expiryStep, { notAfter, given: shelf.given(loaded.name) });
  const shared =
    asset.cloudfront === undefined || signer === undefined
      ? ok(renderShared(template, expiries, edgeSigner(access, isDocument ? context.mediaUrl : undefined)))
      : await renderForCloudFront(access, template, { signer: signer.value, ...asset.cloudfront }, expiries, context);
  if (!shared.ok) return shared;
  shelf.give(loaded.name, givenBy(template, expiries));
  if (bound) return shared;
  const playlist = shared.value.open.length === 0 ? new Blob(shared.value.texts.map(textBody)) : shared.value;
  shelf.addRendering(loaded.key, loaded.compiled, { name, playlist, expiryStep });
  return ok(playlist);
}

/** Signs segments and keys; other playlists stay open for {@link fillPlaylist}. With `base`, URLs are absolute. */
function edgeSigner({ asset, key, grant }: MediaAccess, base?: string): SignTarget {
  const session = isBound("segment", asset) ? grant.text : undefined;
  const segmentMac = macFor(key, "segment", session);
  const keyMac = macFor(key, "key", session);
  const prefix = base === undefined ? undefined : `${base}/${grant.text}`;
  return ({ purpose, path, query }, expiry) => {
    const mac = purpose === "key" ? keyMac : segmentMac;
    return signedReference(mac, purpose, { path, query, expiry }, prefix);
  };
}

/**
 * The signature of a relative reference. With `prefix`, the media host's URL and the grant, the reference is a whole
 * URL.
 */
export function signedReference(
  mac: TextMac,
  purpose: MediaPurpose,
  parts: SignedParts,
  prefix: string | undefined,
): ReturnType<SignTarget> {
  if (prefix === undefined) return { query: signedParameter(mac, purpose, parts) };
  return { uri: `${prefix}${parts.path}?${signedQuery(mac, purpose, parts)}` };
}

/**
 * The latest expiry of CloudFront URLs, which carry no grant and would outlive their session. If the last expiry in the
 * playlist is after the session's, it is limited to the last step before that. All sessions that end within a step
 * share one rendering, and so do all that outlive the playlist. Only in its last two steps a session's exact expiry is
 * used, because a URL has to last for a step.
 */
function capOf(
  template: PlaylistTemplate,
  { grant }: MediaAccess,
  { now, expiryStep }: StepContext,
): UnixSeconds | undefined {
  let longest = 0;
  // Playlist URLs lead to the media host with the grant. An init segment's URL lasts for a day whatever the session's
  // expiry: limited, it would differ per viewer, and it shows nothing by itself.
  for (const { purpose, lifetime } of template.targets)
    if (purpose !== "playlist") longest = Math.max(longest, lifetime);
  const base = roundUpTo(expiryStep, now);
  // A reusable URL gets one more step, and all are rounded up to the step (see `expiryOf`).
  const last = after(base, seconds(longest + 2 * expiryStep));
  if (last <= grant.expiresAt) return undefined;
  const shared = roundDownTo(expiryStep, grant.expiresAt);
  return shared >= base + expiryStep ? shared : grant.expiresAt;
}

async function renderForCloudFront(
  { asset, rest }: MediaAccess,
  template: PlaylistTemplate,
  { signer, policy }: Pick<CloudFrontSettings, "policy"> & { readonly signer: CloudFrontSigner },
  expiries: readonly UnixSeconds[],
  context: StepContext,
): Promise<Result<SharedPlaylist, RenderRefusal>> {
  const entry = await loadEntry(asset, context);
  if (!entry.ok) return entry;
  const prefix = `/${asset.id}/`;
  const others = [prefix + entryFile(asset).path];
  for (const target of entry.value.compiled.template.targets)
    if (target.purpose === "playlist") others.push(atOrigin(target, prefix).path);
  let expires = context.now;
  for (const [i, expiry] of expiries.entries())
    if (template.targets[i]?.purpose !== "playlist") expires = later(expires, expiry);
  const rendition = cloudFrontRendition(signer, policy, {
    playlist: prefix + rest,
    others,
    assetPrefix: prefix,
    expires,
  });
  if (!rendition.ok) return rendition;
  let refused: Refused<CloudFrontRefusal> | undefined;
  const shared = renderShared(template, expiries, (target, expiry) => {
    const { path, query } = atOrigin(target, prefix);
    const signed = rendition.value(path, query, expiry);
    if (signed.ok) return { uri: signed.value };
    refused ??= signed;
    return { uri: "" };
  });
  return refused ?? ok(shared);
}

/**
 * A target below the asset's prefix in its origin's spelling: CloudFront asks the origin itself, so it gets no alias.
 */
function atOrigin({ path, query }: Target, prefix: string): OriginFile {
  const file = originFileOf({ path: path.slice(prefix.length), query });
  if (!file.ok) throw new TypeError("a template with an alias that nobody can decode");
  return { path: prefix + file.value.path, query: file.value.query };
}
