import { type EdgeBuffer, type EdgeCrypto, edgePrimitives } from "../verifier/edge-primitives.ts";
import { longestQuery } from "../verifier/signed-target.ts";
import { verifyMediaUrl } from "../verifier/verify-media-url.ts";
import type {
  CloudFrontModule,
  EventValues,
  FunctionRefusal,
  FunctionRequest,
  FunctionResponse,
  FunctionResponses,
  FunctionSettings,
  ViewerEvent,
} from "./function-types.ts";
import {
  atFilter,
  atKeys,
  atMarks,
  atNames,
  keysInGrant,
  mayContain,
  packedKey,
  packedMembers,
} from "./packed-entry.ts";

// The runtime's, and what the build writes in front of this script.
declare const cf: CloudFrontModule;
declare const crypto: EdgeCrypto;
declare const Buffer: EdgeBuffer;
declare const settings: FunctionSettings;
declare const responses: FunctionResponses;

const primitives = edgePrimitives(crypto, Buffer);

/**
 * The CloudFront Function of the event `viewer-request`: the edge check in front of CloudFront's cache. It answers
 * preflights, refusals and renewals itself. A segment goes on to the cache as the plain path of its origin, so that all viewers
 * share it. What needs the core or must not be cached goes to the manifest host as it came: playlists, keys, `file` URLs, and
 * requests that the store's filter may mean.
 *
 * It reads the store at most three times: the packed entry, the session, and then its login or the cause of its end.
 * `store_unavailable`: the store failed, or was not written for too long.
 *
 * CloudFront has `await` only at the top of a script, and neither in closures nor in arguments.
 */
export async function handler(event: ViewerEvent): Promise<FunctionRequest | FunctionResponse> {
  const request = event.request;
  if (request.method === "OPTIONS") return preflight(request);
  if (request.method !== "GET" && request.method !== "HEAD") return refused("method_not_covered");
  try {
    // The parameters by name would lose how they were spelt.
    const query = request.rawQueryString() || "";
    request.querystring = query;
    if (query.length > longestQuery) return forwarded(event);
    const store = cf.kvs();
    const now = Math.floor(Date.now() / 1000);
    let entry = await store.get(packedKey);
    const members = packedMembers(entry, now);
    if (!members) return storeFailed(event);
    const verdict = verify(event, members[atKeys] || "", now);
    if (verdict.status === "refused") return refused(verdict.code);
    const isExpired = verdict.status === "expired";
    const location = verdict.location || "";
    if (isExpired && !location) return refused("signature_expired");
    // The order is that of `forbiddenBy` (`sessions/revocation-snapshot.ts`).
    const grant = verdict.grant;
    entry = `s${grant.sessionId}`;
    let isRevoked = await store.exists(entry);
    if (isRevoked) {
      entry = await store.get(entry);
      return ended(entry);
    }
    const names = [`a${verdict.asset}`, `k${grant.kid}`, `k${grant.signer || grant.kid}`];
    isRevoked = names.some((name) => `,${members[atNames]},`.indexOf(`,${name},`) >= 0);
    if (!isRevoked && grant.login) isRevoked = await store.exists(`l${grant.login}`);
    if (isRevoked) return ended("");
    const marks = members[atMarks] || "";
    const filter = primitives.decode(members[atFilter] || "");
    const hashed = marks.indexOf("h") < 0 ? [] : names.map(primitives.sha256);
    if (
      verdict.purpose !== "segment" ||
      (isExpired && marks.indexOf("o") >= 0) ||
      [grant.subject, grant.token || grant.subject]
        .concat(hashed)
        .some((identifier) => mayContain(filter, primitives.decode(identifier)))
    )
      return forwarded(event);
    if (isExpired) return answer(307, ["location", location]);
    // S3 reads a bare "+" as a space.
    request.uri = `/${verdict.asset}/${verdict.path}`.replace(/\+/g, "%2B");
    request.querystring = verdict.query;
    return request;
  } catch (_) {
    return storeFailed(event);
  }
}

function verify(event: ViewerEvent, keys: string, now: number) {
  const request = event.request;
  return verifyMediaUrl(
    `${request.uri}?${request.querystring}`,
    { address: event.viewer.ip, userAgent: headerOf(request, "user-agent") },
    now,
    {
      issuer: settings.issuer,
      keys: keysInGrant(keys, request.uri.slice(1), primitives),
      assets: settings.assets,
      renewal: settings.renewal,
    },
    primitives,
  );
}

function headerOf(request: FunctionRequest, name: string): string {
  const header = request.headers[name];
  return header ? header.value : "";
}

function storeFailed(event: ViewerEvent): FunctionRequest | FunctionResponse {
  return settings.storeFailure === "forward" ? forwarded(event) : refused("store_unavailable");
}

/** Leaves the request to the manifest host, to which CloudFront is the client. */
function forwarded(event: ViewerEvent): FunctionRequest {
  const request = event.request;
  const country = headerOf(request, "cloudfront-viewer-country") || "XX";
  request.headers["stagedoor-viewer"] = { value: `${event.viewer.ip} ${country}` };
  cf.selectRequestOriginById(settings.manifestOrigin);
  return request;
}

/** A response with these headers, names and values in turns, and those that all responses have. */
function answer(statusCode: number, more: readonly string[], body?: string): FunctionResponse {
  const all = responses.headers.concat(more);
  const headers: EventValues = {};
  for (let at = 0; at < all.length; at += 2) headers[all[at] || ""] = { value: all[at + 1] || "" };
  // A member without a value is no valid response.
  return body ? { statusCode, headers, body } : { statusCode, headers };
}

function refused(code: FunctionRefusal): FunctionResponse {
  const known = responses.refusals[code] || ["403"];
  const status = Number(known[0]);
  return answer(
    status,
    ["content-type", "application/problem+json", "stagedoor-refusal", code].concat(known.slice(1)),
    `{"type":"urn:stagedoor:problem:${code}","status":${status},"code":"${code}"}`,
  );
}

/** The refusal of a session by its entry in the store, which begins with the first letter of the cause. */
function ended(entry: string): FunctionResponse {
  const cause = entry.charAt(0);
  return refused(cause === "t" ? "stream_taken" : cause === "s" ? "session_shared" : "session_revoked");
}

/** The response to a preflight, which allows the headers that it names, or any. */
function preflight(request: FunctionRequest): FunctionResponse {
  const allowed = headerOf(request, "access-control-request-headers") || "*";
  return answer(204, responses.preflight.concat("access-control-allow-headers", allowed));
}
