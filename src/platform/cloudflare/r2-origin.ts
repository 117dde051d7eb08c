import { ok, type Refusal, type Result, refusal } from "../../base/result.ts";
import type { Clock } from "../../base/time.ts";
import { isOwnSetting, type R2AssetOrigin } from "../../catalog/asset-origin.ts";
import { readOriginSecrets } from "../../catalog/origin-secrets.ts";
import { contentTypeOf, type FileFacts, fileResponse, notModified } from "../../origin/file-response.ts";
import { httpOrigin } from "../../origin/http-origin.ts";
import { type Origin, type OriginRequest, originOf } from "../../origin/origin.ts";
import {
  namesEntityTag,
  parseEntityTags,
  parseRange,
  type RequestedRange,
  rangeRefusal,
  resolveRange,
} from "../../origin/ranges.ts";

/** The part of an R2Bucket that is used here, so that tests in Node can replace it. */
export interface Bucket {
  head(key: string): Promise<BucketObject | null>;
  get(key: string, options?: BucketGet): Promise<BucketObject | null>;
}

interface BucketGet {
  readonly range?: { readonly offset: number; readonly length?: number } | { readonly suffix: number };
  readonly onlyIf?: Headers;
}

interface BucketObject {
  readonly size: number;
  readonly httpEtag: string;
  readonly uploaded: Date;
  readonly httpMetadata?: {
    readonly contentType?: string;
    readonly contentEncoding?: string;
    readonly cacheControl?: string;
    readonly cacheExpiry?: Date;
  };
  /** Missing if the `onlyIf` condition failed. */
  readonly body?: ReadableStream;
}

/**
 * The files in R2 buckets. The asset names the bucket's binding in the worker's `env`. The key is the asset's prefix
 * and the decoded path.
 */
export function r2Origin(env: object): Origin {
  return async (request) => {
    const { asset, path } = request;
    if (asset.origin.type !== "r2") return refusal("internal_error", `${asset.id}: its origin is not R2`);
    const bucket = bucketOf(env, asset.origin);
    if (bucket === undefined) {
      const { binding } = asset.origin;
      return refusal("configuration_invalid", `${asset.id}: the worker has no R2 binding ${binding}`);
    }
    const rest = decoded(path);
    if (rest === undefined) return refusal("object_unknown", `${asset.id}: the path is not UTF-8, as R2's keys are`);
    try {
      return await read(bucket, asset.origin.prefix + rest, request);
    } catch (error) {
      // Safe to log: R2's messages name the operation and a code, and the binding has no credential.
      return refusal("origin_failed", `${asset.id}: R2 failed: ${error instanceof Error ? error.message : "unknown"}`);
    }
  };
}

async function read(
  bucket: Bucket,
  key: string,
  request: OriginRequest,
): Promise<Result<Response, Refusal<"object_unknown" | "range_not_satisfiable" | "origin_failed">>> {
  const { asset, path, method, ifNoneMatch } = request;
  const range = method === "GET" ? parseRange(request.range) : undefined;
  const object = method === "GET" ? await get(bucket, key, range, ifNoneMatch) : await bucket.head(key);
  if (object === null) return refusal("object_unknown", `${asset.id}: the bucket has no such object`);
  if (object === "outside") return rangeRefusal((await bucket.head(key))?.size);
  if (object.httpMetadata?.contentEncoding)
    return refusal("origin_failed", `${asset.id}: the object is stored with a Content-Encoding; store it as it is`);
  const facts = factsOf(object, path);
  if (method === "HEAD")
    return ok(namesEntityTag(ifNoneMatch, facts.etag) ? notModified(facts) : fileResponse(facts, undefined, null));
  if (object.body === undefined) return ok(notModified(facts));
  return ok(fileResponse(facts, range && resolveRange(range, object.size), object.body));
}

/** `"outside"` if the range is outside the object (R2 error 10039). */
async function get(
  bucket: Bucket,
  key: string,
  range: RequestedRange | undefined,
  ifNoneMatch: string | undefined,
): Promise<BucketObject | null | "outside"> {
  // R2 throws for a malformed If-None-Match, which HTTP ignores.
  const condition = parseEntityTags(ifNoneMatch) === undefined ? undefined : ifNoneMatch;
  try {
    return await bucket.get(key, {
      ...(range && { range: r2Range(range) }),
      ...(condition !== undefined && { onlyIf: new Headers({ "If-None-Match": condition }) }),
    });
  } catch (error) {
    if (range !== undefined && error instanceof Error && error.message.includes("(10039)")) return "outside";
    throw error;
  }
}

function r2Range(range: RequestedRange): NonNullable<BucketGet["range"]> {
  if ("suffix" in range) return { suffix: range.suffix };
  const { from: offset, to } = range;
  return to === undefined ? { offset } : { offset, length: to - offset + 1 };
}

function factsOf({ size, httpEtag, uploaded, httpMetadata }: BucketObject, path: string): FileFacts {
  const contentType = contentTypeOf(path, httpMetadata?.contentType);
  const { cacheControl, cacheExpiry } = httpMetadata ?? {};
  const expires = cacheExpiry?.toUTCString();
  return { contentType, size, etag: httpEtag, lastModified: uploaded.toUTCString(), cacheControl, expires };
}

function bucketOf(env: object, { binding }: R2AssetOrigin): Bucket | undefined {
  const bucket: unknown = Reflect.get(env, binding);
  return isBucket(bucket) ? bucket : undefined;
}

function isBucket(value: unknown): value is Bucket {
  if (typeof value !== "object" || value === null) return false;
  return typeof Reflect.get(value, "get") === "function" && typeof Reflect.get(value, "head") === "function";
}

function decoded(path: string): string | undefined {
  if (!path.includes("%")) return path;
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}

/** Workers have no disk. The API refuses such an asset, so only an uploaded catalog can have one. */
const noFolders: Origin = async ({ asset }) =>
  refusal(
    "configuration_invalid",
    `${asset.id}: its origin has the type file, which needs a self-hosted service (host.type node): use r2 or http`,
  );

/** The origins of all assets in a worker: R2 through bindings, HTTP through fetch with secrets from the environment. */
export function mediaOrigin(env: object, clock: Clock): Origin {
  const secretOf = (name: string) => {
    if (isOwnSetting(name)) return undefined;
    const secret: unknown = Reflect.get(env, name);
    return typeof secret === "string" ? secret : undefined;
  };
  const originSecrets = readOriginSecrets(Reflect.get(env, "STAGEDOOR_ORIGIN_SECRETS"));
  const ports = { fetch: (url: string, init: RequestInit) => fetch(url, init), secretOf, originSecrets, clock };
  return originOf({ r2: r2Origin(env), http: httpOrigin(ports), file: noFolders });
}
