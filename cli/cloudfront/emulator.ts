import { AsyncLocalStorage } from "node:async_hooks";
import { createHash, createHmac, randomUUID } from "node:crypto";
import { createContext, Script } from "node:vm";
import { WeighedMap } from "../../src/base/bounded-map.ts";
import type { EmulatedStore } from "./key-value-store.ts";

/** A viewer's request to a distribution. */
export interface DistributionRequest {
  readonly method: string;
  /** Path and query, as they were on the wire. */
  readonly target: string;
  /** A repeated name is there as often as it was sent. */
  readonly headers: Iterable<readonly [string, string]>;
  readonly address: string;
}

/** A request of CloudFront to one of its origins. It has no body. */
export interface OriginRequest {
  readonly method: string;
  readonly target: string;
  readonly headers: Headers;
}

interface Origin {
  /** Headers that CloudFront adds, in place of a viewer's of the same name. */
  readonly customHeaders?: Readonly<Record<string, string>>;
  readonly fetch: (request: OriginRequest) => Promise<Response>;
}

export interface Distribution {
  /** The function of the event `viewer-request`, as it would be uploaded. */
  readonly script: string;
  readonly store: EmulatedStore;
  readonly clock: () => number;
  /** By id. The cache behaviour names the origin `default`. */
  readonly origins: { readonly default: Origin; readonly [id: string]: Origin };
  /** The response headers policy: what an origin's response does not have yet, names and values. */
  readonly responseHeaders?: Iterable<readonly [string, string]>;
  /** The size of the cache, in bytes. What was not used for the longest time leaves it first. */
  readonly cacheBytes?: number;
  /** The country of an address, if it is known. */
  readonly countryOf?: (address: string) => string | undefined;
}

/** CloudFront's longest URL, in bytes. */
const maxUrl = 8192;

/** Headers that a function may not add to a response or a request (AWS: "Restrictions on all edge functions"). */
const forbidden =
  /^(connection|expect|keep-alive|proxy-.*|trailer|upgrade|x-accel-.*|x-amz-cf-.*|x-amzn-.*|x-cache|x-edge-.*|x-forwarded-proto|x-real-ip|via|content-length|transfer-encoding|warning)$/;

/** How long CloudFront keeps a response without Cache-Control, in seconds: the default TTL of its cache policies. */
const defaultTtl = 86_400;

/** The cache's size unless another is given, in bytes. */
const defaultCache = 64 * 1024 * 1024;

interface Cached {
  readonly until: number;
  readonly bytes: ArrayBuffer;
  readonly init: ResponseInit;
}

/**
 * An emulation of a CloudFront distribution with one cache behaviour: the function, cache key, origin selection and cache
 * as AWS documents them. The cache key is the path and query after the function, whatever origin it selected.
 */
export function emulateDistribution(distribution: Distribution): (request: DistributionRequest) => Promise<Response> {
  const { clock, origins, countryOf } = distribution;
  const policy = [...(distribution.responseHeaders ?? [])];
  // Requests run at the same time, and each selects an origin for itself.
  const selection = new AsyncLocalStorage<{ id: string }>();
  const run = loadFunction(distribution, (id) => {
    const selected = selection.getStore();
    if (selected !== undefined) selected.id = id;
  });
  const cacheBytes = distribution.cacheBytes ?? defaultCache;
  const cache = new WeighedMap<Cached>(cacheBytes);

  return async (viewer) => {
    if (Buffer.byteLength(viewer.target) > maxUrl) return failure(414, "LimitExceeded");
    const event = eventOf(viewer, countryOf?.(viewer.address));
    const selected = { id: "default" };
    let result: unknown;
    try {
      result = await selection.run(selected, () => run(event));
    } catch {
      return failure(503, "FunctionExecutionError");
    }
    const origin = origins[selected.id];
    const response = responseOf(result);
    if (response !== undefined) return response;
    const target = targetOf(result, event.request);
    if (target === undefined || origin === undefined) return failure(502, "FunctionValidationError");
    const request = { method: viewer.method, target, headers: headersOf(event.request.headers) };
    const fetched = await fetchCached(request, origin);
    for (const [name, value] of policy) if (!fetched.headers.has(name)) fetched.headers.set(name, value);
    return fetched;
  };

  async function fetchCached(request: OriginRequest, origin: Origin): Promise<Response> {
    for (const [name, value] of Object.entries(origin.customHeaders ?? {})) request.headers.set(name, value);
    const isCacheable = !request.headers.has("range") && (request.method === "GET" || request.method === "HEAD");
    const kept = isCacheable ? cache.get(request.target) : undefined;
    if (kept !== undefined && clock() < kept.until) return marked(new Response(kept.bytes, kept.init), "Hit");
    const response = await origin.fetch(request);
    const ttl = response.ok && request.method === "GET" && isCacheable ? ttlOf(response.headers) : 0;
    // A file that is larger than the cache is not read into memory.
    if (ttl === 0 || Number(response.headers.get("Content-Length")) > cacheBytes) return marked(response, "Miss");
    const init = { status: response.status, headers: response.headers };
    const bytes = await response.arrayBuffer();
    cache.put(request.target, { until: clock() + ttl * 1000, bytes, init }, bytes.byteLength);
    return marked(new Response(bytes, init), "Miss");
  }
}

function marked(response: Response, status: "Hit" | "Miss"): Response {
  const headers = new Headers(response.headers);
  headers.set("X-Cache", `${status} from cloudfront`);
  return new Response(response.body, { status: response.status, headers });
}

function failure(status: number, why: string): Response {
  return new Response(null, { status, headers: { "X-Cache": `${why} from cloudfront` } });
}

function ttlOf(headers: Headers): number {
  const control = headers.get("Cache-Control");
  if (control === null) return defaultTtl;
  if (/no-store|no-cache|private/.test(control)) return 0;
  const [, seconds] = /s-maxage=(\d+)/.exec(control) ?? /max-age=(\d+)/.exec(control) ?? [];
  return seconds === undefined ? defaultTtl : Number(seconds);
}

interface Values {
  [name: string]: { value: string; multiValue?: { value: string }[] };
}

/** The event of the type `viewer-request`, in the form of its version 1.0. */
export function eventOf({ method, target, headers, address }: DistributionRequest, country: string | undefined) {
  const mark = target.indexOf("?");
  const query = mark < 0 ? undefined : target.slice(mark + 1);
  const named: Values = {};
  const cookies: Values = {};
  for (const [mixedCase, value] of headers) {
    const name = mixedCase.toLowerCase();
    if (name !== "cookie") addTo(named, name, value);
    else for (const pair of value.split(/; */)) addPair(cookies, pair);
  }
  // A viewer's own are never passed on.
  for (const name of Object.keys(named)) if (name.startsWith("cloudfront-viewer-")) delete named[name];
  if (country !== undefined) named["cloudfront-viewer-country"] = { value: country };
  const querystring: Values = {};
  for (const pair of query === undefined || query === "" ? [] : query.split("&")) addPair(querystring, pair);
  return {
    version: "1.0",
    context: {
      distributionDomainName: "d111111abcdef8.cloudfront.net",
      distributionId: "EDFDVBD6EXAMPLE",
      eventType: "viewer-request",
      requestId: randomUUID(),
    },
    viewer: { ip: address },
    request: {
      method,
      uri: mark < 0 ? target : target.slice(0, mark),
      querystring: querystring as unknown,
      headers: named,
      cookies,
      rawQueryString: () => query,
    },
  };
}

function addPair(values: Values, pair: string): void {
  const equals = `${pair}=`.indexOf("=");
  addTo(values, pair.slice(0, equals), pair.slice(equals + 1));
}

/** A repeated name has its first value, and all of them in `multiValue`. */
function addTo(values: Values, name: string, value: string): void {
  const known = Object.hasOwn(values, name) ? values[name] : undefined;
  if (known === undefined) values[name] = { value };
  else known.multiValue = [...(known.multiValue ?? [{ value: known.value }]), { value }];
}

function headersOf(values: Values): Headers {
  const headers = new Headers();
  for (const [name, { value, multiValue }] of Object.entries(values))
    for (const each of multiValue ?? [{ value }]) if (name !== "host") headers.append(name, each.value);
  return headers;
}

/** The response that a function made itself; undefined if it returned something else. */
function responseOf(result: unknown): Response | undefined {
  const { statusCode, headers: values, body } = Object(result);
  if (statusCode === undefined) return undefined;
  const headers = new Headers({ "X-Cache": "FunctionGeneratedResponse from cloudfront" });
  for (const [name, header] of Object.entries(Object(values))) {
    const { value } = Object(header);
    if (typeof value !== "string" || name !== name.toLowerCase() || forbidden.test(name))
      return failure(502, "FunctionValidationError");
    headers.set(name, value);
  }
  const isValid = Number.isInteger(statusCode) && statusCode >= 200 && statusCode < 600;
  // A member without a value is not the same as no member.
  if (!isValid || ("body" in Object(result) && typeof body !== "string"))
    return failure(502, "FunctionValidationError");
  return new Response(body ?? null, { status: statusCode, headers });
}

/** Path and query of the request that a function returned; undefined if CloudFront would refuse it. */
function targetOf(result: unknown, sent: { readonly method: string }): string | undefined {
  const { method, uri, querystring } = Object(result);
  if (method !== sent.method || typeof uri !== "string" || !uri.startsWith("/")) return undefined;
  const query = typeof querystring === "string" ? querystring : textOf(Object(querystring));
  return query === "" ? uri : `${uri}?${query}`;
}

function textOf(values: Values): string {
  return Object.entries(values)
    .flatMap(([name, { value, multiValue }]) => (multiValue ?? [{ value }]).map((each) => `${name}=${each.value}`))
    .join("&");
}

/** What the runtime does not have, of what every context of `node:vm` has. */
const absent = [
  ...["Map", "Set", "WeakMap", "WeakSet", "WeakRef", "Proxy", "Reflect", "BigInt", "BigInt64Array", "BigUint64Array"],
  ...["Intl", "WebAssembly", "SharedArrayBuffer", "Atomics", "FinalizationRegistry", "eval", "Iterator", "Temporal"],
];

const algorithms = ["md5", "sha1", "sha256"];

/** The script's handler, in a context with the globals and modules that AWS documents and no others. */
export function loadFunction(
  { script, store, clock }: Pick<Distribution, "script" | "store" | "clock">,
  selectOrigin: (id: string) => void,
) {
  const crypto = {
    createHash: (algorithm: string) => createHash(documented(algorithm)),
    createHmac: (algorithm: string, key: Uint8Array | string) => createHmac(documented(algorithm), key),
  };
  const cf = { kvs: () => store.handle(), selectRequestOriginById: selectOrigin };
  const modules: Readonly<Record<string, unknown>> = { cloudfront: cf, crypto };
  const names = [...script.matchAll(/import (\w+) from ?"(\w+)";/g)].map(([, name = "", module = ""]) => {
    if (modules[module] === undefined) throw new Error(`CloudFront has no module ${module}`);
    return [name, modules[module]] as const;
  });
  const buffer = { from: Buffer.from.bind(Buffer) };
  const context = createContext(
    { ...Object.fromEntries(names), Buffer: buffer, console: { log: () => undefined }, now: clock },
    { codeGeneration: { strings: false, wasm: false } },
  );
  const setUp = `${absent.map((name) => `delete globalThis.${name};`).join("")}Date.now=now;delete globalThis.now;`;
  const text = `${setUp}${script.replaceAll(/import \w+ from ?"\w+";/g, "")};handler`;
  const handler: unknown = new Script(text).runInContext(context);
  if (typeof handler !== "function") throw new Error("the script has no function handler");
  return async (event: unknown): Promise<unknown> => handler(event);
}

function documented(algorithm: string): string {
  if (!algorithms.includes(algorithm)) throw new Error(`CloudFront has no algorithm ${algorithm}`);
  return algorithm;
}
