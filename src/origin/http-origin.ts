import { mediaPlaceOf } from "../base/alias.ts";
import { ok, type Refusal, type Result, refusal } from "../base/result.ts";
import type { Clock, Seconds } from "../base/time.ts";
import type { HttpAssetOrigin } from "../catalog/asset-origin.ts";
import { type Origin, type OriginRequest, timeoutOf } from "./origin.ts";
import { type DerivedKeys, type OriginSecretPorts, signOriginRequest } from "./origin-auth.ts";
import { readOriginResponse } from "./origin-response.ts";

/**
 * The part of fetch that this file uses. `private_address`: nothing was sent, because the host has an address that is not on the
 * public internet, and the deployment does not list it (`platform/node/guarded-fetch.ts`).
 */
export type OriginFetch = (
  url: string,
  init: {
    readonly method: string;
    readonly headers: Headers;
    readonly redirect: "manual";
    readonly signal: AbortSignal;
    readonly body?: string;
  },
) => Promise<Response | "private_address">;

export interface HttpOriginPorts extends OriginSecretPorts {
  readonly fetch: OriginFetch;
  readonly clock: Clock;
}

const mostRedirects = 3;
const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/**
 * The files of HTTP servers. The origin receives the asset's credentials and, of the viewer's request, only the range
 * and the entity tags. Up to three redirects are followed, on the origin's own host only, so no response can direct our
 * credentials elsewhere. A playlist's redirects must stay below the asset's prefix, because everything below its
 * location becomes accessible.
 */
export function httpOrigin(ports: HttpOriginPorts): Origin {
  const derived: DerivedKeys = new Map();
  return async (request) => {
    const { asset } = request;
    if (asset.origin.type !== "http") return refusal("internal_error", `${asset.id}: its origin is not HTTP`);
    const timeout = timeoutOf(asset.origin, request.hold);
    const deadline = startDeadline(timeout);
    try {
      const answered = await follow(request, asset.origin, { ...ports, derived }, deadline.signal);
      if (!answered.ok) return answered;
      const { response, location } = answered.value;
      const read = await readOriginResponse(response, request);
      if (read.ok && location !== undefined) read.value.headers.set("Content-Location", location);
      return read;
    } catch {
      // An error of fetch may quote the URL, whose query can contain a credential: it is not passed on.
      return deadline.signal.aborted
        ? refusal("origin_slow", `${asset.id}: the origin did not respond within ${timeout} s`)
        : refusal("origin_failed", `${asset.id}: the origin is unreachable or broke the connection`);
    } finally {
      deadline.end();
    }
  };
}

async function follow(
  request: OriginRequest,
  origin: HttpAssetOrigin,
  ports: HttpOriginPorts & { readonly derived: DerivedKeys },
  signal: AbortSignal,
): Promise<
  Result<
    { readonly response: Response; readonly location: string | undefined },
    Refusal<"path_invalid" | "origin_failed" | "configuration_invalid">
  >
> {
  const { asset, path, query, method } = request;
  const { fetch } = ports; // unbound: workerd's fetch refuses to be called as a method
  let location: string | undefined;
  let url = `${origin.url}${path}${query === "" ? "" : `?${query}`}`;
  // The path was checked before. If fetch would normalize it to another path, nothing is sent.
  if (new URL(url).href !== url) return refusal("path_invalid", `${asset.id}: the path leads elsewhere`);
  for (let hop = 0; hop <= mostRedirects; hop++) {
    const signed = await signOriginRequest(origin, { url, method }, ports);
    if (!signed.ok) return signed;
    const { headers } = signed.value;
    // A range of compressed bytes would not be a range of the file.
    headers.set("Accept-Encoding", "identity");
    if (request.range !== undefined) headers.set("Range", request.range);
    if (request.ifNoneMatch !== undefined) headers.set("If-None-Match", request.ifNoneMatch);
    const response = await fetch(signed.value.url, { method, headers, redirect: "manual", signal });
    if (response === "private_address")
      return refusal(
        "configuration_invalid",
        `${asset.id}: the origin's host has a private, loopback or link-local address: list "${new URL(url).host}" in host.privateOrigins of stagedoor.config.json if it is yours`,
      );
    if (!redirects.has(response.status)) return ok({ response, location });
    await response.body?.cancel();
    const next = redirectTarget(response.headers.get("Location"), url);
    if (next === undefined)
      return refusal("origin_failed", `${asset.id}: the origin redirects to another host, or without a location`);
    url = next;
    if (request.locates === undefined) continue;
    location = belowPrefix(url, origin);
    if (location === undefined)
      return refusal("origin_failed", `${asset.id}: the origin redirects a playlist out of the asset's prefix`);
  }
  return refusal("origin_failed", `${asset.id}: the origin redirects more than ${mostRedirects} times`);
}

function redirectTarget(location: string | null, from: string): string | undefined {
  if (location === null || !URL.canParse(location, from)) return undefined;
  const target = new URL(location, from);
  target.hash = "";
  const own = target.origin === new URL(from).origin && target.username === "" && target.password === "";
  return own ? target.href : undefined;
}

/**
 * A URL's path and query below the asset's prefix; undefined if it is elsewhere, or a server could read it so
 * (`..%2F`). Delivery directives are removed: origins repeat them in redirects, and each reload would look like another
 * location.
 */
function belowPrefix(url: string, origin: HttpAssetOrigin): string | undefined {
  if (!url.startsWith(origin.url)) return undefined;
  const [path = "", query = ""] = url.slice(origin.url.length).split(/\?(.*)/s, 2);
  const own = query
    .split("&")
    .filter((pair) => !pair.startsWith("_HLS_"))
    .join("&");
  if (path === "" || !mediaPlaceOf({ path, query: own }).ok) return undefined;
  return own === "" ? path : `${path}?${own}`;
}

/**
 * A deadline for the response's headers. The body is streamed and has none: a slow viewer may need longer for a large
 * file. A caller that reads a body whole, such as `manifest/fetch-playlist.ts`, has its own deadline.
 */
function startDeadline(timeout: Seconds): { readonly signal: AbortSignal; readonly end: () => void } {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), timeout * 1000);
  return { signal: controller.signal, end: () => clearTimeout(timer) };
}
