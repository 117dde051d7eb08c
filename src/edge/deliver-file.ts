import { ok, type Result } from "../base/result.ts";
import type { Clock, Seconds, WaitUntil } from "../base/time.ts";
import type { Asset } from "../catalog/asset.ts";
import { originIdentity } from "../catalog/asset-origin.ts";
import type { Telemetry } from "../metrics/telemetry.ts";
import { type FillPorts, Fills, fillCache, type MediaCache } from "../origin/fill-cache.ts";
import { type Origin, type OriginRefusal, type OriginRequest, originHeaders } from "../origin/origin.ts";
import {
  ifRangeMatches,
  parseContentRange,
  parseEntityTags,
  parseRange,
  rangeRefusal,
  rangeText,
} from "../origin/ranges.ts";

export type { WaitUntil } from "../base/time.ts";

/** A request for a file that has passed the check. */
export interface FileRequest {
  readonly asset: Asset;
  /** Below the asset's prefix, as the origin receives it: `360p/0.ts`, `a;v=1//0.ts`. */
  readonly path: string;
  /** The origin's own query; empty if there is none. */
  readonly query: string;
  readonly method: "GET" | "HEAD";
  /** Headers of the viewer's request. */
  readonly range?: string | undefined;
  readonly ifRange?: string | undefined;
  readonly ifNoneMatch?: string | undefined;
  /** How long the viewer may read the file. */
  readonly remaining: Seconds;
  /** False for keys: neither the edge nor the browser caches them. */
  readonly cacheable: boolean;
}

/** The parts of a request that serving a file needs. */
export type ViewerRequest = Pick<FileRequest, "method" | "range" | "ifRange" | "ifNoneMatch">;

export type DeliverFile = (file: FileRequest, waitUntil: WaitUntil) => Promise<Result<Response, OriginRefusal>>;

export interface DeliveryPorts {
  readonly origin: Origin;
  readonly cache: MediaCache;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

/** Created once, because one is reported with every segment. */
const lookUp = { hit: { event: "cached", outcome: "hit" }, miss: { event: "cached", outcome: "miss" } } as const;

/**
 * Serves files of assets from the cache or from their origin, and those of folders always from the folder; created once per
 * isolate. The response is 200, 206 or 304
 * (RFC 9110 §13, §14) without CORS headers.
 *
 * The cache key is the origin's URL, so all viewers of a file share one entry; each request was checked before. The
 * viewer's copy expires with their signature, and shared caches may not keep it.
 */
export function fileDelivery({ origin, cache, clock, telemetry }: DeliveryPorts): DeliverFile {
  const fills = new Fills(clock);
  return (file, waitUntil) => deliver(file, { origin, cache, clock, fills, waitUntil, telemetry });
}

type FindPorts = FillPorts & Pick<DeliveryPorts, "telemetry">;

async function deliver(file: FileRequest, ports: FindPorts): Promise<Result<Response, OriginRefusal>> {
  const asked = askedOf(file);
  const found = await find(file, asked, ports);
  if (file.ifRange === undefined || asked.range === undefined || rangeFits(file.ifRange, found))
    return found.ok ? ok(viewerResponse(found.value, file)) : found;
  // The viewer has a part of an older version. A part of this version would not fit, so they get the whole file.
  if (found.ok) await found.value.body?.cancel();
  const whole = await find(file, { ...asked, range: undefined }, ports);
  return whole.ok ? ok(viewerResponse(whole.value, file)) : whole;
}

/**
 * Whether the response is valid for a request with If-Range. A range may be refused because the file has become
 * shorter.
 */
function rangeFits(ifRange: string, found: Result<Response, OriginRefusal>): boolean {
  if (!found.ok) return found.refusal.code !== "range_not_satisfiable";
  const { status, headers } = found.value;
  return status !== 206 || ifRangeMatches(ifRange, headers.get("ETag"), headers.get("Last-Modified"));
}

/** The request headers for the cache and the origin, if they are well-formed. */
type Asked = Pick<OriginRequest, "range" | "ifNoneMatch">;

function askedOf({ method, range, ifNoneMatch }: FileRequest): Asked {
  const parsed = method === "GET" ? parseRange(range) : undefined;
  return {
    range: parsed === undefined ? undefined : rangeText(parsed),
    ifNoneMatch: parseEntityTags(ifNoneMatch) === undefined ? undefined : ifNoneMatch,
  };
}

async function find(file: FileRequest, asked: Asked, ports: FindPorts): Promise<Result<Response, OriginRefusal>> {
  const { asset, path, query, method, cacheable } = file;
  const request: OriginRequest = { asset, path, query, method, ...asked };
  // A file of this machine is as near as a copy of it. Otherwise an entry would outlive the setting that turns caching off, by
  // up to an hour.
  if (!cacheable || asset.cacheLifetime === 0 || asset.origin.type === "file") return ports.origin(request);
  const key = cacheKey(asset, path, query);
  const cached = await ports.cache.match(key, cacheHeaders(asked)).catch(() => undefined);
  ports.telemetry(cached === undefined ? lookUp.miss : lookUp.hit);
  if (cached?.status === 416) return rangeRefusal(parseContentRange(cached.headers.get("Content-Range"))?.size);
  if (cached !== undefined) return ok(cached);
  const answered = await ports.origin(request);
  return answered.ok ? ok(fillCache(key, request, answered.value, ports)) : answered;
}

/** Identifies the file and nothing of the viewer: never a grant or a signature. */
function cacheKey(asset: Asset, path: string, query: string): string {
  const file = originIdentity(asset.origin) + path;
  return query === "" ? file : `${file}?${query}`;
}

const noHeaders: Readonly<Record<string, string>> = {};

function cacheHeaders({ range, ifNoneMatch }: Asked): Readonly<Record<string, string>> {
  if (range === undefined && ifNoneMatch === undefined) return noHeaders;
  const headers: Record<string, string> = {};
  if (range !== undefined) headers.Range = range;
  if (ifNoneMatch !== undefined) headers["If-None-Match"] = ifNoneMatch;
  return headers;
}

/** The viewer's copy expires with the signature, or follows the origin if it allows less. */
function viewerCaching({ headers }: Response, { cacheLifetime }: Asset, remaining: Seconds): string {
  const stated = cacheLifetime === undefined ? (headers.get("Cache-Control")?.toLowerCase() ?? "") : "";
  if (stated.includes("no-store")) return "no-store";
  if (stated.includes("no-cache")) return "private, no-cache";
  return `private, max-age=${Math.max(0, Math.floor(remaining))}`;
}

function viewerResponse(found: Response, { asset, method, remaining, cacheable }: FileRequest): Response {
  const { status } = found;
  const headers = new Headers();
  for (const name of originHeaders) {
    const value = found.headers.get(name);
    if (value !== null) headers.set(name, value);
  }
  if (status === 304) headers.delete("Content-Length");
  else if (status === 206) headers.set("Accept-Ranges", "bytes");
  headers.set("Cache-Control", cacheable ? viewerCaching(found, asset, remaining) : "no-store");
  headers.set("Referrer-Policy", "no-referrer");
  const bodiless = method === "HEAD" || status === 304;
  if (bodiless) found.body?.cancel().catch(() => undefined);
  return new Response(bodiless ? null : found.body, { status, headers });
}
