import type { TextHash } from "../base/crypto.ts";
import { ok, type Refusal, type Result, refusal, refuse } from "../base/result.ts";
import {
  type Clock,
  inTime,
  type MillisecondClock,
  milliseconds,
  type Seconds,
  seconds,
  type Timer,
} from "../base/time.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { CatalogUnavailable } from "../catalog/catalog-source.ts";
import type { Configuration } from "../config/configuration.ts";
import { healthPath, healthResponse, type Readiness, readyPath, readyResponse } from "../http/health.ts";
import { clientOf, countryOf } from "../http/request.ts";
import type { Telemetry } from "../metrics/telemetry.ts";
import { timeoutOf } from "../origin/origin.ts";
import { deliveryDirectives } from "../playlist/delivery-directives.ts";
import type { CloudFrontPublicKeys } from "../signing/cloudfront/verify-cloudfront.ts";
import { parseMediaTarget } from "../signing/media-url.ts";
import type { SessionKeys } from "../signing/session-keys.ts";
import type { Admit } from "./admit-session.ts";
import { type MediaRequest, opening, readPlaylistFrom } from "./answer-media.ts";
import { type CheckContext, checkMediaTarget, type MediaAccess } from "./check-media-request.ts";
import type { DeliverFile, WaitUntil } from "./deliver-file.ts";
import { cloudFrontAsset, serveCloudFront } from "./serve-cloudfront.ts";
import { servedEvents, serveSegment, type ViewerRequest } from "./serve-segment.ts";

export interface EdgeParts
  extends Pick<
    Configuration,
    "development" | "mediaUrl" | "grantIssuer" | "renewal" | "pauseAllowance" | "expiryStep"
  > {
  readonly keys: SessionKeys;
  readonly open: NonNullable<CheckContext["open"]>;
  readonly publicKeys: CloudFrontPublicKeys;
  readonly catalog: () => Promise<Result<Catalog, CatalogUnavailable>>;
  readonly clock: Clock;
  readonly timer: Timer;
  readonly milliseconds: MillisecondClock;
  readonly telemetry: Telemetry;
  readonly deliver: DeliverFile;
  readonly waitUntil: WaitUntil;
  readonly admit: Admit;
  readonly ready: Readiness;
  readonly sha256: TextHash;
  /** The manifest worker, if it is bound. */
  readonly manifest: { fetch(request: Request): Promise<Response> } | undefined;
}

/**
 * Handles a request of the edge worker. A file of a CloudFront asset is checked as CloudFront would. A playlist is
 * checked, its session admitted, and the request forwarded to the manifest worker. Any other file is checked and served
 * here.
 */
export async function answerEdge(asked: MediaRequest, parts: EdgeParts): Promise<Result<Response, Refusal>> {
  if (asked.target === healthPath) return ok(healthResponse(asked.method));
  if (asked.target === readyPath) return ok(await readyResponse(asked.method, parts.ready, parts.waitUntil));
  const now = parts.clock();
  const catalog = await parts.catalog();
  if (!catalog.ok) return catalog;
  const asset = cloudFrontAsset(asked.target, catalog.value);
  if (asset !== undefined)
    return serveCloudFront(asked.target, asset, viewerRequest(asked), { ...parts, now, address: addressOf(asked.raw) });
  const target = parseMediaTarget(asked.target);
  if (!target.ok) return target;
  const client = clientOf(asked.raw, parts.sha256, parts.development);
  const country = () => countryOf(asked.raw, parts.development);
  const context = { ...parts, open: opening(asked, parts.open), now, client, country, catalog: catalog.value };
  if (target.value.signature?.purpose !== "playlist") return serveSegment(target.value, viewerRequest(asked), context);
  const checked = checkMediaTarget(target.value, context);
  if (checked.verdict !== "passed") return refuse(checked.refusal);
  const why = await parts.admit(checked.access, context);
  if (why !== undefined) return refuse(why);
  const answered = await forward(asked.raw, timeoutFor(checked.access), parts);
  const then = parts.clock();
  // The session may have ended while a blocking reload was held, so it is checked again before the answer.
  const late = then > now ? await parts.admit(checked.access, { ...context, now: then }) : undefined;
  if (late === undefined) {
    if (answered.ok && answered.value.ok) parts.telemetry(servedEvents.served.playlist);
    return answered;
  }
  if (answered.ok) await answered.value.body?.cancel();
  return refuse(late);
}

/** What the manifest worker may take in addition to the origin's `timeout`, for its own stores. */
const manifestTimeout = seconds(10);

/** The additional time for a blocking reload, which waits for a part (RFC 8216bis §6.2.5.2). */
const longestHold = seconds(30);

function timeoutFor({ asset, appended }: MediaAccess): Seconds {
  const held = deliveryDirectives(appended).least === undefined ? 0 : longestHold;
  return seconds(timeoutOf(asset.origin) + manifestTimeout + held);
}

async function forward(
  request: Request,
  timeout: Seconds,
  { manifest, telemetry, milliseconds: clock, timer }: EdgeParts,
): Promise<Result<Response, Refusal<"store_unavailable">>> {
  const unavailable = refusal("store_unavailable", "the manifest worker does not respond over its service binding");
  if (manifest === undefined) return unavailable;
  const askedAt = clock();
  try {
    const asked = manifest.fetch(request.body === null ? request : withoutBody(request));
    const answered = await inTime(asked, timeout, timer);
    if (answered === "late") {
      asked.then((late) => late.body?.cancel()).catch(() => undefined);
      return unavailable;
    }
    // A 5xx that is not a problem document comes from the runtime: the manifest worker did not respond.
    const ours = answered.status < 500 || answered.headers.get("Content-Type") === "application/problem+json";
    if (answered.ok) {
      const { from, response } = readPlaylistFrom(answered);
      if (from !== undefined) telemetry({ event: "rewritten", from, took: milliseconds(clock() - askedAt) });
      return ok(response);
    }
    if (ours) return ok(answered);
    await answered.body?.cancel();
    return unavailable;
  } catch {
    return unavailable;
  }
}

/**
 * Drops a GET's body: a client that aborts it would abort the request to the manifest worker too, like a failure of
 * that worker.
 */
function withoutBody({ url, method, headers }: Request): Request {
  const kept = new Headers(headers);
  kept.delete("Content-Length");
  return new Request(url, { method, headers: kept });
}

function viewerRequest({ method, raw: { headers } }: MediaRequest): ViewerRequest {
  return {
    method,
    range: headers.get("Range") ?? undefined,
    ifRange: headers.get("If-Range") ?? undefined,
    ifNoneMatch: headers.get("If-None-Match") ?? undefined,
  };
}

/** The viewer's address, as Cloudflare saw it. Cloudflare overwrites a header of this name from the client. */
function addressOf({ headers }: Request): string | undefined {
  return headers.get("CF-Connecting-IP") ?? undefined;
}
