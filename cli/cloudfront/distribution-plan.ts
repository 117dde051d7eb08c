import { ok, type Result, refuse } from "../../src/base/result.ts";
import { hostOf, originsOf } from "../../src/deployment/catalog-of.ts";
import type {
  ConfiguredOrigin,
  Deployment,
  DeploymentConfig,
  EnvironmentName,
} from "../../src/deployment/config-schema.ts";
import { isPlaceholder } from "../../src/deployment/placeholders.ts";
import { addressesOf } from "../../src/deployment/wrangler-config.ts";
import { inertHeaders } from "../../src/edge/answer-media.ts";
import { strictTransport, withCors } from "../../src/http/cors.ts";
import { cloudFrontPlaceHeaders } from "../../src/http/request.ts";
import { manifestOrigin } from "../lib/function-script.ts";

/** What a template is made of: one distribution of one environment. It contains no secret. */
export interface DistributionPlan {
  /** The names of the function, the store and the policies: `stagedoor-production`. */
  readonly name: string;
  /** The member of `cdns`. */
  readonly cdn: string;
  /** The distribution's own name, such as `cdn.example.tv`; undefined if it is CloudFront's `….cloudfront.net`. */
  readonly alias: string | undefined;
  /** The media host, which is the manifest host. */
  readonly manifestHost: string;
  /** The bucket of the films, in its region. */
  readonly bucket: string;
  readonly region: string;
  /** The function's script. */
  readonly script: string;
}

/** The name in AWS's Secrets Manager of the value of Stagedoor-Edge-Secret. */
export function edgeSecretName({ name }: DistributionPlan): string {
  return `${name}-edge-secret`;
}

/** The ids of the distribution's origins: a bucket for segments, and the media host. */
export const originIds = { films: "films", manifest: manifestOrigin } as const;

/**
 * The cache behaviours after the default one, which is for the bucket. A path pattern matches the viewer's path, with the
 * grant in it. Playlists have one so that a file of the bucket can never be served as a playlist.
 */
export const playlistPattern = "*.m3u8";

/** CloudFront keeps errors for 10 s unless it is told otherwise. A refusal of the media host must not outlive its cause. */
export const uncachedErrors = [400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504] as const;

/** Seconds for which CloudFront keeps a file, by its Cache-Control: without one for a day. */
export const segmentTtl = { min: 0, default: 86_400, max: 31_536_000 } as const;

/** Playlists have `no-store`. CloudFront compresses only if a response could be cached, so the limit is not 0. */
export const playlistTtl = { min: 0, default: 0, max: 1 } as const;

/**
 * Seconds that CloudFront waits for the manifest host, at most the quota. A blocking reload of a live playlist (RFC 8216bis
 * §6.2.5.2) is held for up to 30 s, and the origin is asked after that.
 */
export const manifestReadTimeout = 60;

/**
 * Headers of a viewer that the media host reads, and that CloudFront and the function write: without the place, the site and
 * the player, every playlist of an asset that asks for them would be refused. `Host` is missing, so that the media host and
 * the bucket see their own names. CloudFront allows ten.
 */
export const forwardedHeaders = [
  "User-Agent",
  "CloudFront-Viewer-Country",
  ...cloudFrontPlaceHeaders,
  "Stagedoor-Viewer",
  "Origin",
  "Referer",
] as const;

/** Headers of every file, as the media host sends them. */
export function responseHeaders() {
  const cors = withCors(new Response()).headers;
  const [, policy] = inertHeaders.find(([name]) => name === "Content-Security-Policy") ?? [];
  const [, seconds] = /max-age=(\d+)/.exec(strictTransport("https://cdn.invalid/") ?? "") ?? [];
  return {
    exposed: (cors.get("Access-Control-Expose-Headers") ?? "").split(", "),
    resourcePolicy: cors.get("Cross-Origin-Resource-Policy") ?? "",
    contentPolicy: policy ?? "",
    transportSeconds: Number(seconds),
  };
}

/**
 * The fields of CloudFront's log. It has neither `cs-uri-stem` and `cs-uri-query`, which contain the grant and the signature,
 * nor `cs(Referer)`, which can, nor viewers' addresses and cookies.
 */
export const logFields = [
  ...["date", "time", "x-edge-location", "x-edge-request-id", "cs-method", "cs-protocol", "cs-protocol-version"],
  ...["sc-status", "x-edge-result-type", "x-edge-response-result-type", "x-edge-detailed-result-type", "sc-bytes"],
  ...["sc-content-type", "sc-range-start", "sc-range-end", "time-taken", "time-to-first-byte", "cs(User-Agent)"],
] as const;

/** Days that a log is kept. */
export const logDays = 30;

interface Alarm {
  /** A logical id in CloudFormation. */
  readonly id: string;
  readonly metric: string;
  /** Whether the metric is of the function, and not of the distribution. */
  readonly isOfFunction: boolean;
  readonly statistic: "Average" | "Sum";
  readonly threshold: number;
  /** Consecutive periods of five minutes. */
  readonly periods: number;
  readonly description: string;
}

export const alarms: readonly Alarm[] = [
  {
    ...{
      id: "ServerErrors",
      metric: "5xxErrorRate",
      isOfFunction: false,
      statistic: "Average",
      threshold: 1,
      periods: 1,
    },
    description:
      "More than 1 % of requests are answered 5xx: the store is empty or too old, the function fails, or an origin does.",
  },
  {
    ...{ id: "Refusals", metric: "4xxErrorRate", isOfFunction: false, statistic: "Average", threshold: 10, periods: 3 },
    description:
      "More than 10 % of requests are refused for a quarter of an hour: keys that the store does not know, or an attack.",
  },
  {
    ...{
      id: "FunctionErrors",
      metric: "FunctionExecutionErrors",
      isOfFunction: true,
      statistic: "Sum",
      threshold: 0,
      periods: 1,
    },
    description: "The function threw an exception or took too long. CloudFront answered 503.",
  },
  {
    ...{
      id: "FunctionThrottles",
      metric: "FunctionThrottles",
      isOfFunction: true,
      statistic: "Sum",
      threshold: 0,
      periods: 1,
    },
    description: "CloudFront throttled the function: it takes too long.",
  },
  {
    ...{
      id: "InvalidResults",
      metric: "FunctionValidationErrors",
      isOfFunction: true,
      statistic: "Sum",
      threshold: 0,
      periods: 1,
    },
    description: "The function returned a response that CloudFront does not accept.",
  },
];

/** What writes to the store needs, and nothing else: values are never read one by one. */
export const storeWriterActions = ["DescribeKeyValueStore", "ListKeys", "UpdateKeys"].map(
  (action) => `cloudfront-keyvaluestore:${action}`,
);

/**
 * The distribution of a CDN of the type cloudfront-function. Refused if there is none or several, or if the assets of the CDN
 * are not below their ids in one bucket of Amazon S3, as the function asks for them.
 */
export function distributionPlan(
  { config }: Pick<Deployment, "config">,
  environment: EnvironmentName,
  named: string | undefined,
  script: string,
): Result<DistributionPlan, string> {
  const chosen = chosenCdn(config, named);
  if (!chosen.ok) return chosen;
  const { cdn, isOnly } = chosen.value;
  const bucket = bucketOf(config, environment, cdn.name);
  if (!bucket.ok) return bucket;
  const manifestHost = new URL(addressesOf(config, environment).mediaUrl).host;
  if (isPlaceholder(manifestHost))
    return refuse(`environments.${environment}.domain makes the media host ${manifestHost}: fill in your domain.`);
  const host = hostOf(cdn.host, config, environment);
  return ok({
    name: `${config.name}-${environment}${isOnly ? "" : `-${cdn.name}`}`,
    cdn: cdn.name,
    alias: host.endsWith(".cloudfront.net") || isPlaceholder(host) ? undefined : host,
    manifestHost,
    bucket: bucket.value.bucket,
    region: bucket.value.region,
    script,
  });
}

/** The CDN of a deployment that has the function. */
function chosenCdn({ cdns }: DeploymentConfig, named: string | undefined) {
  const known = Object.entries(cdns).flatMap(([name, { type, host }]) =>
    type === "cloudfront-function" ? [{ name, host }] : [],
  );
  const names = known.map(({ name }) => name).join(" or ");
  const [first] = known;
  if (first === undefined)
    return refuse(
      'No CDN of stagedoor.config.json has the type cloudfront-function: add {"type": "cloudfront-function", "host": "<the distribution\'s host>"} to cdns.',
    );
  if (named === undefined && known.length > 1)
    return refuse(`cdns has several of the type cloudfront-function: choose ${names} with --cdn.`);
  const cdn = named === undefined ? first : known.find(({ name }) => name === named);
  return cdn === undefined
    ? refuse(
        `--cdn must be ${names}, not ${JSON.stringify(named)}: no other member of cdns has the type cloudfront-function.`,
      )
    : ok({ cdn, isOnly: known.length === 1 });
}

type Bucket = Extract<ConfiguredOrigin, { type: "s3" }>;

/** The one bucket of a CDN's assets; before there are any, of the origins. */
function bucketOf(config: DeploymentConfig, environment: EnvironmentName, cdn: string): Result<Bucket, string> {
  const origins = originsOf(config, environment);
  const assets = config.assets.filter((asset) => [asset.cdn ?? []].flat()[0] === cdn);
  for (const { id, origin, path = `${id}/` } of assets) {
    const type = origins[origin]?.type;
    if (type !== "s3")
      return refuse(
        `The asset ${id} has the origin ${origin} of the type ${type}: a template is only for a bucket of Amazon S3 ("type": "s3").`,
      );
    if (path !== `${id}/`)
      return refuse(
        `The asset ${id} has the path ${JSON.stringify(path)}: the function asks the bucket for ${id}/…, so its files must be there.`,
      );
  }
  const names = assets.length > 0 ? assets.map(({ origin }) => origin) : Object.keys(origins);
  const buckets = [...new Set(names)]
    .map((name) => origins[name])
    .filter((origin): origin is Bucket => origin?.type === "s3");
  const [first, ...others] = buckets;
  if (first === undefined)
    return refuse(
      'origins has no bucket of the type s3: add {"type": "s3", "bucket": "…", "region": "…", "secret": "…"}, or write the distribution yourself.',
    );
  if (others.some(({ bucket }) => bucket !== first.bucket))
    return refuse(
      `The assets of ${cdn} are in several buckets (${buckets.map(({ bucket }) => bucket).join(", ")}): give each bucket a CDN of its own.`,
    );
  if (first.endpoint !== undefined)
    return refuse(`The bucket ${first.bucket} has an endpoint (${first.endpoint}): a template is only for Amazon S3.`);
  if (isPlaceholder(first.bucket)) return refuse(`The bucket is still ${first.bucket}: fill in its name in origins.`);
  return ok(first);
}
