import { ok, type Result } from "../base/result.ts";
import type { Clock, Seconds } from "../base/time.ts";
import type { Asset } from "../catalog/asset.ts";
import { originIdentity } from "../catalog/asset-origin.ts";
import type { Telemetry } from "../metrics/telemetry.ts";
import { type FillPorts, Fills, fillCache, type MediaCache, type WaitUntil } from "../origin/fill-cache.ts";
import { type Origin, type OriginRefusal, type OriginRequest, originHeaders } from "../origin/origin.ts";
import {
  ifRangeHolds,
  parseContentRange,
  parseEntityTags,
  parseRange,
  rangeRefusal,
  rangeText,
} from "../origin/ranges.ts";

export type { WaitUntil } from "../origin/fill-cache.ts";

/** A request for a file, after the check: the viewer may have it. */
export interface FileRequest {
  readonly asset: Asset;
  /** Relative to the asset's prefix, as the origin is asked for it: `360p/0.ts`, `a;v=1//0.ts`. */
  readonly path: string;
  /** The origin's own query, as it is asked with it; empty where there is none. */
  readonly query: string;
  readonly method: "GET" | "HEAD";
  /** The viewer's headers of these names. */
  readonly range?: string | undefined;
  readonly ifRange?: string | undefined;
  readonly ifNoneMatch?: string | undefined;
  /** How long the viewer's right to the file lasts. */
  readonly remaining: Seconds;
  /** False for keys: nobody keeps them, neither we nor the viewer's browser. */
  readonly cacheable: boolean;
}

export type DeliverFile = (file: FileRequest, waitUntil: WaitUntil) => Promise<Result<Response, OriginRefusal>>;

export interface DeliveryPorts {
  readonly origin: Origin;
  readonly cache: MediaCache;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

/** What was found in the cache, or not. */
const lookUp = { hit: { event: "cached", outcome: "hit" }, miss: { event: "cached", outcome: "miss" } } as const;

/**
 * Serves files of assets, from the cache where it has them and else from their origin; made once an isolate. The answer is
 * 200, 206 or 304 (RFC 9110 §13, §14) without CORS headers; what it refuses is what {@link Origin} refuses.
 *
 * The cache's key is the origin's place, path and query, so that all viewers of a file share one entry; the check has been
 * done for each of them. The viewer's own copy ends when his signature does, and no shared cache may keep it.
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
  // The viewer holds a part of an older file, and no part of this one would fit to it: he gets the whole.
  if (found.ok) await found.value.body?.cancel();
  const whole = await find(file, { ...asked, range: undefined }, ports);
  return whole.ok ? ok(viewerResponse(whole.value, file)) : whole;
}

/** Whether what was found answers a request with If-Range: a refused range may come of a file that has become shorter. */
function rangeFits(ifRange: string, found: Result<Response, OriginRefusal>): boolean {
  if (!found.ok) return found.refusal.code !== "range_not_satisfiable";
  const { status, headers } = found.value;
  return status !== 206 || ifRangeHolds(ifRange, headers.get("ETag"), headers.get("Last-Modified"));
}

/** What is asked of the cache and the origin: well-formed headers alone. */
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
  // An entry from before the asset said that it wants none would live on for an hour.
  if (!cacheable || asset.cacheLifetime === 0) return ports.origin(request);
  const key = cacheKey(asset, path, query);
  const cached = await ports.cache.match(key, cacheHeaders(asked)).catch(() => undefined);
  ports.telemetry(cached === undefined ? lookUp.miss : lookUp.hit);
  if (cached?.status === 416) return rangeRefusal(parseContentRange(cached.headers.get("Content-Range"))?.size);
  if (cached !== undefined) return ok(cached);
  const answered = await ports.origin(request);
  return answered.ok ? ok(fillCache(key, request, answered.value, ports)) : answered;
}

/** Which file it is, and nothing of who asks for it: never a grant or a signature. */
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

/** The viewer's own copy ends with the signature. If the origin wants no copies, or asks to be asked first, that holds too. */
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
