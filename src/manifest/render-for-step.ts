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
 * Renders a playlist with signed segment URLs: once per version, step and key, for all viewers. If the asset binds its
 * segments to the session, each request gets its own rendering.
 */
export async function renderForStep(
  access: MediaAccess,
  loaded: LoadedPlaylist,
  context: StepContext,
): Promise<Result<RenderedPlaylist, RenderRefusal>> {
  const { asset, key } = access;
  const { template, renderings } = loaded.compiled;
  const { now, expiryStep, shelf } = context;
  const notAfter = asset.cloudfront === undefined ? undefined : latestExpiry(template, access, context);
  const isDocument = template.kind === "document";
  const bound = isDocument || isBound("segment", asset);
  const signer = asset.cloudfront === undefined ? undefined : context.cloudFront(asset.cloudfront);
  if (signer?.ok === false) return signer;
  // The settings do not identify the signer: the active key may change at a set time.
  const signedBy = signer === undefined ? "" : `${signer.value.keyPairId} ${JSON.stringify(asset.cloudfront)}`;
  const name = { step: roundUpTo(expiryStep, now), variant: `${key.kid} ${notAfter ?? ""} ${signedBy}` };
  const cached = bound ? undefined : renderings.get(name);
  if (cached !== undefined) return ok(cached);
  const expiries = expiriesOf(template, now, expiryStep, { notAfter, given: shelf.given(loaded.name) });
  const shared =
    asset.cloudfront === undefined || signer === undefined
      ? ok(
          renderShared(
            template,
            expiries,
            edgeSigner(access, isDocument ? (asset.cdnUrl ?? context.mediaUrl) : undefined),
          ),
        )
      : await renderForCloudFront(access, template, { signer: signer.value, ...asset.cloudfront }, expiries, context);
  if (!shared.ok) return shared;
  shelf.give(loaded.name, givenBy(template, expiries));
  if (bound) return shared;
  const playlist = shared.value.open.length === 0 ? new Blob(shared.value.texts.map(textBody)) : shared.value;
  shelf.addRendering(loaded.key, loaded, { name, playlist, expiryStep });
  return ok(playlist);
}

/** Signs segments and keys; {@link fillPlaylist} signs playlist URLs per viewer. With `base`, URLs are absolute. */
function edgeSigner({ asset, key, grant }: MediaAccess, base?: string): SignTarget {
  const { qualityClass } = grant;
  const session = isBound("segment", asset) ? grant.text : undefined;
  const segmentMac = macFor(key, "segment", session);
  const keyMac = macFor(key, "key", session);
  const prefix = base === undefined ? undefined : `${base}/${grant.text}`;
  return ({ purpose, path, query }, expiry) => {
    const mac = purpose === "key" ? keyMac : segmentMac;
    return signedReference(mac, purpose, { qualityClass, path, query, expiry }, prefix);
  };
}

/**
 * The query parameter that signs a relative reference. With `prefix` (the media host's URL and the grant), the whole
 * signed URL.
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
 * The latest expiry of the CloudFront URLs in a playlist: they carry no grant, so they could outlive the session.
 * Undefined if the session outlives them all. The limit is the session's expiry, rounded down to a step: sessions that
 * end within one step share a rendering. In its last two steps, a session has its exact expiry as the limit, because a
 * URL has to last for a step.
 */
function latestExpiry(
  template: PlaylistTemplate,
  { grant }: MediaAccess,
  { now, expiryStep }: StepContext,
): UnixSeconds | undefined {
  let longest = 0;
  // Playlist URLs contain the grant, which expires with the session. An init segment's URL may outlive the session by up
  // to a day: the segment shows nothing by itself, and a limit per session would prevent shared renderings.
  for (const { purpose, lifetime } of template.targets)
    if (purpose !== "playlist") longest = Math.max(longest, lifetime);
  const base = roundUpTo(expiryStep, now);
  // A reusable URL lasts one more step, and every expiry is rounded up to a step (see `expiryOf`).
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

/** A target's path and query as the origin knows them: CloudFront contacts the origin itself and cannot decode an alias. */
function atOrigin({ path, query }: Target, prefix: string): OriginFile {
  const file = originFileOf({ path: path.slice(prefix.length), query });
  if (!file.ok) throw new TypeError("a template contains an alias that cannot be decoded");
  return { path: prefix + file.value.path, query: file.value.query };
}
