import type { Refusal } from "../base/refusal.ts";
import { ok, type Result } from "../base/result.ts";
import { after, later, roundUpTo, type Seconds, seconds, type UnixSeconds } from "../base/seconds.ts";
import type { CloudFrontSettings } from "../catalog/asset.ts";
import { expiriesOf, givenBy } from "../playlist/plan.ts";
import { renderShared, type SharedPlaylist, type SignTarget } from "../playlist/render.ts";
import type { PlaylistTemplate } from "../playlist/template.ts";
import type { CloudFrontSigner } from "../signing/cloudfront/sign.ts";
import { cloudFrontRendition } from "../signing/cloudfront/sign-rendition.ts";
import { signedParameter } from "../signing/media-url.ts";
import type { MediaAccess } from "./check-media-request.ts";
import { type LoadContext, type LoadedPlaylist, loadPlaylist } from "./load-playlist.ts";
import type { RenderedPlaylist, Renderings } from "./renderings.ts";

export interface RenderContext {
  readonly renderings: Renderings;
  /** The signer for an asset of CloudFront, or why there is none. */
  readonly cloudFront: (settings: CloudFrontSettings) => Result<CloudFrontSigner, Refusal>;
}

type StepContext = LoadContext & RenderContext & { readonly expiryStep: Seconds };

/**
 * The playlist with the URLs of its segments signed: made once a version, step and key, kept, and given to all viewers.
 * An asset that binds its segments to the session has one made for each request.
 */
export async function renderForStep(
  access: MediaAccess,
  loaded: LoadedPlaylist,
  context: StepContext,
): Promise<Result<RenderedPlaylist, Refusal>> {
  const { asset, grant, key } = access;
  const { template, name } = loaded;
  const { now, expiryStep, renderings } = context;
  const notAfter = asset.cdn === "cloudfront" ? capOf(template, access, context) : undefined;
  const bound = asset.segmentSignature === "session";
  const kept = renderings.of(template);
  const step = `${key.kid} ${roundUpTo(expiryStep, now)} ${notAfter ?? ""}`;
  const made = bound ? undefined : kept.get(step);
  if (made !== undefined) return ok(made);
  const expiries = expiriesOf(template, now, expiryStep, { notAfter, given: renderings.given(name) });
  const shared =
    asset.cloudfront === undefined
      ? ok(renderShared(template, expiries, edgeSigner(access, bound ? grant.text : "")))
      : await renderForCloudFront(access, template, asset.cloudfront, expiries, context);
  if (!shared.ok) return shared;
  renderings.give(name, givenBy(template, expiries));
  const rendered = { shared: shared.value };
  if (!bound) kept.put(step, rendered);
  return ok(rendered);
}

function edgeSigner({ key }: MediaAccess, grant: string): SignTarget {
  return ({ purpose, path, query }, expiry) => ({
    query: signedParameter(key.url[purpose], purpose, { path, query, expiry, grant }),
  });
}

/**
 * A URL for CloudFront carries no grant, so nothing but its own end ends it with the session. Where the playlist's last
 * expiry would outlive the session it is cut at the session's end; all sessions that outlive it share one rendering.
 */
function capOf(
  template: PlaylistTemplate,
  { grant }: MediaAccess,
  { now, expiryStep }: StepContext,
): UnixSeconds | undefined {
  let longest = 0;
  for (const { lifetime } of template.targets) longest = Math.max(longest, lifetime);
  const last = after(roundUpTo(expiryStep, now), seconds(longest + expiryStep));
  return last > grant.expiresAt ? grant.expiresAt : undefined;
}

async function renderForCloudFront(
  { asset, path }: MediaAccess,
  template: PlaylistTemplate,
  settings: CloudFrontSettings,
  expiries: readonly UnixSeconds[],
  context: StepContext,
): Promise<Result<SharedPlaylist, Refusal>> {
  const signer = context.cloudFront(settings);
  if (!signer.ok) return signer;
  const entry = await loadPlaylist({ asset, rest: asset.entry, query: "", directives: "" }, context);
  if (!entry.ok) return entry;
  const prefix = `/${asset.id}/`;
  const others = [`${prefix}${asset.entry}`];
  for (const target of entry.value.template.targets) if (target.purpose === "playlist") others.push(target.path);
  const expires = expiries.reduce(later, context.now);
  const rendition = cloudFrontRendition(signer.value, settings.policy, {
    playlist: path,
    others,
    assetPrefix: prefix,
    expires,
  });
  if (!rendition.ok) return rendition;
  let refused: { readonly ok: false; readonly refusal: Refusal } | undefined;
  const shared = renderShared(template, expiries, (target, expiry) => {
    const signed = rendition.value(target.path, target.query, expiry);
    if (signed.ok) return { uri: signed.value };
    refused ??= signed;
    return { uri: "" };
  });
  return refused ?? ok(shared);
}
