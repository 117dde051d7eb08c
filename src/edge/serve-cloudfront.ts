import { isPlaylist, sentQuery } from "../base/alias.ts";
import { type Result, refusal } from "../base/result.ts";
import { between, type UnixSeconds } from "../base/time.ts";
import type { Asset } from "../catalog/asset.ts";
import type { Catalog } from "../catalog/catalog.ts";
import { servedEvents, type Telemetry } from "../metrics/telemetry.ts";
import type { OriginRefusal } from "../origin/origin.ts";
import {
  type CloudFrontAccess,
  type CloudFrontPublicKeys,
  type CloudFrontRefusal,
  verifyCloudFront,
} from "../signing/cloudfront/verify-cloudfront.ts";
import type { DeliverFile, ViewerRequest, WaitUntil } from "./deliver-file.ts";

/** The inputs of the check besides the request. */
export interface CloudFrontCheckContext {
  readonly now: UnixSeconds;
  readonly publicKeys: CloudFrontPublicKeys;
  /** The base of the asset's URLs if it names no distribution. */
  readonly mediaUrl: string;
  /** The viewer's address, if known. */
  readonly address: string | undefined;
}

export interface CloudFrontContext extends CloudFrontCheckContext {
  readonly deliver: DeliverFile;
  readonly waitUntil: WaitUntil;
  readonly telemetry: Telemetry;
}

/** The CloudFront asset of a target without a grant: its first path segment is the asset's id. */
export function cloudFrontAsset(target: string, catalog: Catalog): Asset | undefined {
  const asset = catalog.assetOfPath(target);
  return asset?.cdn === "cloudfront-signed" ? asset : undefined;
}

/**
 * Serves a file of a CloudFront asset with the same checks as CloudFront, so the asset also plays without CloudFront in
 * front. The URL has no grant, so it is never renewed or revoked.
 */
export async function serveCloudFront(
  target: string,
  asset: Asset,
  request: ViewerRequest,
  context: CloudFrontContext,
): Promise<Result<Response, CloudFrontRefusal | OriginRefusal>> {
  const checked = await checkCloudFrontTarget(target, asset, request.method, context);
  if (!checked.ok) return checked;
  const { path, policy, query, expires } = checked.value;
  // Under a wildcard the viewer writes the query: an S3 origin would answer `?acl` with our credentials.
  const signedQuery = policy === "canned" ? sentQuery(query ?? "") : "";
  const file = { asset, path: path.slice(asset.id.length + 2), query: signedQuery };
  const isKey = path.endsWith(".key");
  const delivered = await context.deliver(
    { ...request, ...file, remaining: between(context.now, expires), cacheable: !isKey },
    context.waitUntil,
  );
  if (delivered.ok) context.telemetry(servedEvents.served[isKey ? "key" : "segment"]);
  return delivered;
}

/**
 * The check alone, also for `explain`. Every CloudFront key of the ring is accepted, as CloudFront accepts every key of
 * a trusted key group, so URLs of the old key stay valid after a rotation. Playlists are refused (`path_not_covered`):
 * a wildcard would cover them, and the origin's own playlist names all files unsigned.
 */
export async function checkCloudFrontTarget(
  target: string,
  asset: Asset,
  method: string,
  { now, address, publicKeys, mediaUrl }: CloudFrontCheckContext,
): Promise<Result<CloudFrontAccess, CloudFrontRefusal>> {
  const mark = target.indexOf("?");
  const checked = await verifyCloudFront(
    {
      method,
      baseUrl: asset.cloudfront?.url ?? mediaUrl,
      path: mark < 0 ? target : target.slice(0, mark),
      query: mark < 0 ? undefined : target.slice(mark + 1),
      now,
      address,
    },
    publicKeys,
  );
  return checked.ok && isPlaylist(checked.value.path)
    ? refusal("path_not_covered", "a playlist needs a grant")
    : checked;
}
