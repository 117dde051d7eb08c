import type { TextHash } from "../base/crypto.ts";
import type { Place } from "../base/place.ts";
import { ok, type Refusal, type Result, refusal, refuse } from "../base/result.ts";
import {
  between,
  type Clock,
  earlier,
  inTime,
  type MillisecondClock,
  milliseconds,
  type Seconds,
  seconds,
  type Timer,
  type UnixSeconds,
} from "../base/time.ts";
import type { Asset } from "../catalog/asset.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { CatalogUnavailable } from "../catalog/catalog-source.ts";
import { type ConditionRefusal, checkConditions, hasConditions, type RequestSource } from "../catalog/conditions.ts";
import { countModes, unenforcedAmong } from "../catalog/enforcement.ts";
import type { Configuration } from "../config/configuration.ts";
import { healthPath, healthResponse, type Readiness, readyPath, readyResponse } from "../http/health.ts";
import { refusalHeader } from "../http/problem-response.ts";
import { isRefusalCode } from "../http/problems.ts";
import { clientOf, sourceOf } from "../http/request.ts";
import { traitsOf } from "../http/request-traits.ts";
import type { RequestTraits } from "../metrics/gathered.ts";
import { servedEvents, type Telemetry } from "../metrics/telemetry.ts";
import { timeoutOf } from "../origin/origin.ts";
import { deliveryDirectives } from "../playlist/delivery-directives.ts";
import type { Client } from "../sessions/client-network.ts";
import type { CloudFrontPublicKeys, CloudFrontRefusal } from "../signing/cloudfront/verify-cloudfront.ts";
import { type MediaTarget, parseMediaTarget } from "../signing/media-url.ts";
import type { SessionKeys } from "../signing/session-keys.ts";
import type { Admission, Admit } from "./admit-session.ts";
import { type MediaRequest, noteAsset, opening, readPlaylistFrom } from "./answer-media.ts";
import { type CheckContext, checkMediaTarget, type MediaAccess, type MediaRefusal } from "./check-media-request.ts";
import type { DeliverFile, ViewerRequest, WaitUntil } from "./deliver-file.ts";
import type { GuardedFiles } from "./guard-file.ts";
import { isRenewable, renewUrl } from "./renew-url.ts";
import { cloudFrontAsset, serveCloudFront } from "./serve-cloudfront.ts";
import { isTrack, type ServedFileRefusal, serveFile } from "./serve-file.ts";
import { type Observed, serveUnenforced, type UnenforcedParts, type Why } from "./serve-unenforced.ts";

export interface EdgeParts
  extends Pick<
    Configuration,
    | "development"
    | "edgeSecrets"
    | "mediaUrl"
    | "grantIssuer"
    | "renewal"
    | "pauseAllowance"
    | "expiryStep"
    | "enforcement"
  > {
  readonly keys: SessionKeys;
  readonly cloudFrontKeys?: SessionKeys | undefined;
  readonly open: NonNullable<CheckContext["open"]>;
  readonly publicKeys: CloudFrontPublicKeys;
  readonly catalog: () => Promise<Result<Catalog, CatalogUnavailable>>;
  readonly clock: Clock;
  readonly timer: Timer;
  readonly milliseconds: MillisecondClock;
  readonly telemetry: Telemetry;
  readonly deliver: DeliverFile;
  readonly files: GuardedFiles;
  readonly waitUntil: WaitUntil;
  readonly admit: Admit;
  readonly revocations: UnenforcedParts["revocations"];
  readonly observed: Observed;
  readonly ready: Readiness;
  readonly sha256: TextHash;
  /** The manifest worker, if it is bound. */
  readonly manifest: { fetch(request: Request): Promise<Response> } | undefined;
}

/** The parts of the edge, and the catalog, time and client of one request. */
interface RequestContext extends Omit<EdgeParts, "catalog"> {
  readonly catalog: Catalog;
  readonly now: UnixSeconds;
  readonly client: Client;
  readonly place: () => Place;
  readonly source: () => RequestSource;
  readonly traits: () => RequestTraits;
}

/** Why the edge refuses a request. The manifest worker's own refusals are responses. */
export type EdgeRefusal =
  | MediaRefusal
  | CloudFrontRefusal
  | ConditionRefusal
  | NonNullable<Admission>
  | ServedFileRefusal
  | CatalogUnavailable;

/**
 * Handles a request of the edge worker. A file of a CloudFront asset is checked as CloudFront would. A playlist is
 * checked, its session admitted, and the request forwarded to the manifest worker. Any other file is checked and served
 * here.
 */
export async function serveRequest(request: MediaRequest, parts: EdgeParts): Promise<Result<Response, EdgeRefusal>> {
  if (request.target === healthPath) return ok(healthResponse(request.method));
  if (request.target === readyPath)
    return ok(await readyResponse(request.method, parts.ready, parts.waitUntil, await modesNow(parts)));
  const now = parts.clock();
  const catalog = await parts.catalog();
  if (!catalog.ok) return catalog;
  const client = clientOf(request.raw, parts.sha256, parts.development, parts.edgeSecrets);
  const asset = cloudFrontAsset(request.target, catalog.value);
  if (asset !== undefined) {
    request.onAsset?.(asset.id);
    const { address } = client;
    return serveCloudFront(request.target, asset, viewerRequest(request), { ...parts, now, address });
  }
  const target = parseMediaTarget(request.target);
  if (!target.ok) return target;
  noteAsset(request, target.value, catalog.value);
  const traits = () => traitsOf(request.raw, parts);
  let read: RequestSource | undefined;
  const source = () => {
    read ??= sourceOf(request.raw, parts.development, parts.edgeSecrets);
    return read;
  };
  const context = {
    ...parts,
    open: opening(request, parts.open),
    now,
    client,
    place: source,
    source,
    traits,
    catalog: catalog.value,
  };
  const answered = await (target.value.signature?.purpose === "playlist"
    ? forwardPlaylist(target.value, request.raw, context)
    : serveSegment(target.value, viewerRequest(request), request.raw, context));
  const why = answered.ok ? refusalIn(answered.value) : answered.refusal;
  if (why === undefined) return answered;
  const { appended } = target.value;
  const rewrite = async ({ asset: own }: { readonly asset: Asset }) => {
    if (answered.ok) return undefined;
    const asked = await askManifestWorker(request.raw, manifestTimeout({ asset: own, appended }), context);
    return asked.ok ? asked.value : undefined;
  };
  return (await serveUnenforced(why, target.value, viewerRequest(request), { ...context, rewrite })) ?? answered;
}

/** How many assets are not enforced, for `/ready`. Not which: that would tell everybody what is open. */
async function modesNow({ catalog, enforcement, clock }: EdgeParts): Promise<object> {
  const current = await catalog().catch(() => undefined);
  const found = current?.ok === true ? unenforcedAmong(current.value.assets(), enforcement, clock()) : [];
  return found.length === 0 ? {} : { enforcement: countModes(found) };
}

/** The refusal of the manifest worker. */
function refusalIn({ ok: isOk, headers }: Response): Why | undefined {
  const code = isOk ? "" : (headers.get(refusalHeader) ?? "");
  return isRefusalCode(code) ? { code, reason: "the manifest worker refuses the playlist" } : undefined;
}

/**
 * Serves a segment, a key or any other file: check the URL, admit the session, then serve from the cache or the origin.
 * An authentic URL that has expired is redirected to a fresh one while its session is valid and the asset's conditions are
 * met. A forgery is never renewed, because it is never called expired.
 */
async function serveSegment(
  target: MediaTarget,
  request: ViewerRequest,
  raw: Request,
  context: RequestContext,
): Promise<Result<Response, EdgeRefusal>> {
  const checked = checkMediaTarget(target, context);
  if (checked.verdict === "refused") return refuse(checked.refusal);
  const { access } = checked;
  if (checked.verdict === "expired" && !isRenewable(access, context.renewal)) return refuse(checked.refusal);
  const unmet = checked.verdict === "expired" ? unmetCondition(access, context) : undefined;
  if (unmet !== undefined) return refuse(unmet);
  const admission = context.admit(access, context);
  const why = admission instanceof Promise ? await admission : admission;
  if (why !== undefined) return refuse(why);
  if (checked.verdict === "expired") {
    context.telemetry(servedEvents.renewed[access.purpose]);
    return ok(renewUrl(access, context.now, context.pauseAllowance, context.expiryStep));
  }
  const { asset, rest: path, query, purpose } = access;
  const remaining = between(context.now, earlier(access.expiry, access.grant.expiresAt));
  const file = { ...request, asset, path, query, remaining, cacheable: purpose !== "key" };
  if (purpose === "file" && asset.cdn === "cloudfront-signed" && !isTrack(path)) {
    // CloudFront serves what it is asked for, so the file is judged before its URL is signed.
    const judged = await context.files.judge(file, context.waitUntil);
    if (!judged.ok) return judged;
    const redirect = await askManifestWorker(withoutBody(raw, "manual"), manifestTimeout(access), context);
    if (!redirect.ok) return redirect;
    if (redirect.value.status === 307) context.telemetry(servedEvents.served.file);
    // The headers of a fetched response cannot be changed.
    return ok(new Response(redirect.value.body, redirect.value));
  }
  const delivered =
    purpose === "file" ? await serveFile(access, file, context) : await context.deliver(file, context.waitUntil);
  if (delivered.ok) context.telemetry(servedEvents.served[purpose]);
  return delivered;
}

/**
 * The asset's condition that a request for a playlist or a renewal does not meet. Segments that have not expired are not
 * asked: a changed condition reaches a viewer at the next playlist or renewal.
 */
export function unmetCondition(
  { asset }: Pick<MediaAccess, "asset">,
  { source, now }: Pick<RequestContext, "source" | "now">,
): ConditionRefusal | undefined {
  const checked = hasConditions(asset) ? checkConditions(asset, source(), now) : ok(undefined);
  return checked.ok ? undefined : checked.refusal;
}

/** Checks a playlist's URL and the asset's conditions, admits its session and asks the manifest worker, which checks the URL again. */
async function forwardPlaylist(
  target: MediaTarget,
  request: Request,
  context: RequestContext,
): Promise<Result<Response, EdgeRefusal>> {
  const checked = checkMediaTarget(target, context);
  if (checked.verdict !== "passed") return refuse(checked.refusal);
  const unmet = unmetCondition(checked.access, context);
  if (unmet !== undefined) return refuse(unmet);
  const why = await context.admit(checked.access, context);
  if (why !== undefined) return refuse(why);
  const response = await askManifestWorker(request, manifestTimeout(checked.access), context);
  const now = context.clock();
  // The session may have ended while a blocking reload was held, so it is checked again before the response.
  const late = now > context.now ? await context.admit(checked.access, { ...context, now }) : undefined;
  if (late === undefined) {
    if (response.ok && response.value.ok) context.telemetry(servedEvents.served.playlist);
    return response;
  }
  if (response.ok) await response.value.body?.cancel();
  return refuse(late);
}

/** Time for the manifest worker's own stores, in addition to the origin's timeout. */
const storesTimeout = seconds(10);

/** Time for a blocking reload, which waits for a part (RFC 8216bis §6.2.5.2). */
const longestHold = seconds(30);

function manifestTimeout({ asset, appended }: Pick<MediaAccess, "asset" | "appended">): Seconds {
  const hold = deliveryDirectives(appended).least === undefined ? 0 : longestHold;
  return seconds(timeoutOf(asset.origin) + storesTimeout + hold);
}

async function askManifestWorker(
  request: Request,
  timeout: Seconds,
  {
    manifest,
    telemetry,
    milliseconds: clock,
    timer,
  }: Pick<EdgeParts, "manifest" | "telemetry" | "milliseconds" | "timer">,
): Promise<Result<Response, Refusal<"store_unavailable">>> {
  const unavailable = refusal("store_unavailable", "the manifest worker does not respond over its service binding");
  if (manifest === undefined) return unavailable;
  const startedAt = clock();
  try {
    const fetching = manifest.fetch(request.body === null ? request : withoutBody(request));
    const response = await inTime(fetching, timeout, timer);
    if (response === "late") {
      fetching.then((late) => late.body?.cancel()).catch(() => undefined);
      return unavailable;
    }
    if (response.ok) {
      const { from, response: playlist } = readPlaylistFrom(response);
      if (from !== undefined) telemetry({ event: "rewritten", from, took: milliseconds(clock() - startedAt) });
      return ok(playlist);
    }
    // A 5xx that is not a problem document comes from the runtime: the manifest worker did not respond.
    if (response.status < 500 || response.headers.get("Content-Type") === "application/problem+json")
      return ok(response);
    await response.body?.cancel();
    return unavailable;
  } catch {
    return unavailable;
  }
}

/**
 * Drops a GET's body: a client that aborts it would abort the request to the manifest worker too, like a failure of
 * that worker.
 */
function withoutBody({ url, method, headers }: Request, redirect: "follow" | "manual" = "follow"): Request {
  const kept = new Headers(headers);
  kept.delete("Content-Length");
  return new Request(url, { method, headers: kept, redirect });
}

function viewerRequest({ method, raw: { headers } }: MediaRequest): ViewerRequest {
  return {
    method,
    range: headers.get("Range") ?? undefined,
    ifRange: headers.get("If-Range") ?? undefined,
    ifNoneMatch: headers.get("If-None-Match") ?? undefined,
  };
}
