import type { Refusal } from "../base/refusal.ts";
import { ok, type Result } from "../base/result.ts";
import { later, roundUpTo, type Seconds, type UnixSeconds } from "../base/seconds.ts";
import type { CloudFrontSettings } from "../catalog/asset.ts";
import { expiriesOf, givenBy } from "../playlist/plan.ts";
import { renderShared, type SharedPlaylist, type SignTarget } from "../playlist/render.ts";
import type { PlaylistTemplate } from "../playlist/template.ts";
import type { CloudFrontSigner } from "../signing/cloudfront/sign.ts";
import { cloudFrontRendition } from "../signing/cloudfront/sign-rendition.ts";
import { signedParameter } from "../signing/media-url.ts";
import type { MediaAccess } from "./check-media-request.ts";
import { type LoadContext, type LoadedPlaylist, loadPlaylist } from "./load-playlist.ts";

/** A playlist as all viewers of a step share it; its bytes too, once somebody made them, where no hole is left. */
export interface RenderedPlaylist {
  readonly shared: SharedPlaylist;
  bytes?: Uint8Array<ArrayBuffer>;
}

/** What was rendered of one origin playlist lately. */
interface Renderings {
  template: PlaylistTemplate;
  readonly bySteps: Map<string, RenderedPlaylist>;
  /** Expiries that go on to the next version; see `givenBy`. */
  given: ReadonlyMap<string, UnixSeconds>;
}

/** The renderings that an isolate keeps, by the key of the playlist. */
export type RenderingStore = Map<string, Renderings>;

export interface RenderContext {
  readonly renderings: RenderingStore;
  /** The signer for an asset of CloudFront, or why there is none. */
  readonly cloudFront: (settings: CloudFrontSettings) => Result<CloudFrontSigner, Refusal>;
}

type StepContext = LoadContext & RenderContext & { readonly expiryStep: Seconds };

const keptPlaylists = 500;
const keptSteps = 4;

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
  const { template } = loaded;
  if (asset.segmentSignature === "session") {
    const expiries = expiriesOf(template, context.now, context.expiryStep);
    return ok({ shared: renderShared(template, expiries, edgeSigner(access, grant.text)) });
  }
  const notAfter = asset.cdn === "cloudfront" ? capOf(template, access, context) : undefined;
  const renderings = renderingsOf(loaded, context.renderings);
  const name = `${key.kid} ${roundUpTo(context.expiryStep, context.now)} ${notAfter ?? ""}`;
  const kept = renderings.bySteps.get(name);
  if (kept !== undefined) return ok(kept);
  const expiries = expiriesOf(template, context.now, context.expiryStep, { notAfter, given: renderings.given });
  const shared =
    asset.cloudfront === undefined
      ? ok(renderShared(template, expiries, edgeSigner(access, "")))
      : await renderForCloudFront(access, template, asset.cloudfront, expiries, context);
  if (!shared.ok) return shared;
  const rendered = { shared: shared.value };
  renderings.given = givenBy(template, expiries);
  for (const oldest of renderings.bySteps.keys())
    if (renderings.bySteps.size >= keptSteps) renderings.bySteps.delete(oldest);
  renderings.bySteps.set(name, rendered);
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
  const last = Math.max(0, ...expiriesOf(template, now, expiryStep));
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

function renderingsOf({ key, template }: LoadedPlaylist, store: RenderingStore): Renderings {
  const kept = store.get(key);
  if (kept !== undefined) {
    if (kept.template !== template) {
      kept.template = template;
      kept.bySteps.clear();
    }
    return kept;
  }
  const fresh: Renderings = { template, bySteps: new Map(), given: new Map() };
  if (store.size >= keptPlaylists) for (const oldest of store.keys()) if (store.delete(oldest)) break;
  store.set(key, fresh);
  return fresh;
}
