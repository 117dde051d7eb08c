import { describe, expect, it } from "vitest";
import { type Refusal, type RefusalCode, refusal } from "../../../src/base/result.ts";
import { seconds, unixSeconds } from "../../../src/base/time.ts";
import { withCors } from "../../../src/http/cors.ts";
import { logIdentityResponse, logRefusal, problemResponse } from "../../../src/http/problem-response.ts";
import { requestIdOf } from "../../../src/http/request.ts";

/** Every code with the status that the API promises. The type keeps the table complete. */
const statuses = {
  body_invalid: 400,
  request_invalid: 400,
  token_missing: 401,
  token_invalid: 401,
  token_expired: 401,
  token_revoked: 401,
  https_required: 403,
  dpop_proof_invalid: 401,
  sign_in_required: 401,
  origin_untrusted: 403,
  asset_not_yet_available: 403,
  asset_no_longer_available: 403,
  country_forbidden: 403,
  place_forbidden: 403,
  place_not_allowed: 451,
  origin_forbidden: 403,
  player_refused: 403,
  entitlement_refused: 403,
  rate_limited: 429,
  scope_insufficient: 403,
  asset_forbidden: 403,
  asset_revoked: 403,
  asset_unknown: 404,
  address_unknown: 400,
  file_forbidden: 403,
  quality_unavailable: 403,
  stream_limit: 429,
  start_rate_exceeded: 429,
  session_unknown: 404,
  revocation_invalid: 400,
  revocation_unknown: 404,
  session_forbidden: 403,
  path_invalid: 400,
  signature_missing: 403,
  signature_invalid: 403,
  signature_expired: 403,
  signature_not_yet_valid: 403,
  grant_invalid: 403,
  grant_expired: 403,
  path_not_covered: 403,
  method_not_covered: 405,
  address_not_covered: 403,
  binding_mismatch: 403,
  session_revoked: 403,
  session_shared: 403,
  stream_taken: 403,
  key_unknown: 403,
  playlist_invalid: 422,
  playlist_too_large: 413,
  uri_foreign: 422,
  asset_invalid: 400,
  object_unknown: 404,
  range_not_satisfiable: 416,
  origin_failed: 502,
  origin_slow: 504,
  route_unknown: 404,
  method_unknown: 405,
  configuration_invalid: 500,
  store_unavailable: 503,
  provider_unavailable: 503,
  internal_error: 500,
} as const satisfies Record<RefusalCode, number>;

const reason = 'MARKEDREASON "\r\nX-Injected: 1';

const running = [
  { sessionId: "AAAAAAAAAAAAAAAAAAAAAA", assetId: "film", startedAt: unixSeconds(0), seenAt: unixSeconds(60) },
];

function refusalOf(code: string): Refusal {
  if (!isCode(code)) throw new Error(`${code} is not a refusal code`);
  if (code === "scope_insufficient") return { code, reason, scope: "stream:play" };
  if (code === "place_forbidden" || code === "place_not_allowed") return { code, reason, unknown: ["region"] };
  if (code === "stream_limit") return { code, reason, running };
  if (code === "start_rate_exceeded" || code === "rate_limited") return { code, reason, retryAfter: seconds(1.5) };
  if (code === "asset_invalid") return { code, reason, faults: ["entry: it names no file"] };
  if (code === "method_unknown") return { code, reason, allow: "POST, OPTIONS" };
  if (code === "range_not_satisfiable") return { code, reason, size: 10 };
  return { code, reason };
}

function isCode(code: string): code is RefusalCode {
  return Object.hasOwn(statuses, code);
}

describe.each(Object.entries(statuses))("the response to %s", (code, status) => {
  it(`is ${status} with problem details (RFC 9457) that do not contain the reason`, async () => {
    const response = problemResponse(refusalOf(code));
    const text = await response.text();
    expect([response.status, response.headers.get("Content-Type")]).toEqual([status, "application/problem+json"]);
    expect(response.headers.get("Cache-Control")).toBe("no-store");
    expect(response.headers.get("Stagedoor-Refusal")).toBe(code);
    const body: unknown = JSON.parse(text);
    expect(body).toEqual({
      ...(code === "stream_limit" && { running: [expect.any(Object)] }),
      ...(code === "scope_insufficient" && { faults: ["Authorization: the token lacks the scope stream:play"] }),
      ...(code === "asset_invalid" && { faults: ["entry: it names no file"] }),
      type: `urn:stagedoor:problem:${code}`,
      title: expect.stringMatching(/^[A-Z]/),
      status,
      code,
      detail: expect.stringMatching(/\.$/),
    });
    const all = `${text}${JSON.stringify([...response.headers])}`;
    expect(all).not.toContain("MARKED");
    expect(all).not.toContain("Injected");
  });

  it("has the headers that its status requires", () => {
    const { headers } = problemResponse(refusalOf(code));
    expect(headers.has("WWW-Authenticate")).toBe(
      status === 401 || code === "request_invalid" || code === "scope_insufficient",
    );
    expect(headers.has("Allow")).toBe(status === 405);
    const waits = status === 503 || code === "start_rate_exceeded" || code === "rate_limited";
    expect(headers.get("Retry-After")).toBe(waits ? "2" : null);
  });
});

it.each([
  ["token_missing", 'Bearer realm="stagedoor"'],
  ["token_invalid", 'Bearer realm="stagedoor", error="invalid_token"'],
  ["token_expired", 'Bearer realm="stagedoor", error="invalid_token", error_description="Token expired"'],
  ["token_revoked", 'Bearer realm="stagedoor", error="invalid_token", error_description="Token revoked"'],
  ["request_invalid", 'Bearer realm="stagedoor", error="invalid_request"'],
  ["scope_insufficient", 'Bearer realm="stagedoor", error="insufficient_scope", scope="stream:play"'],
])("sends the RFC 6750 §3 challenge for %s", (code, challenge) => {
  expect(problemResponse(refusalOf(code)).headers.get("WWW-Authenticate")).toBe(challenge);
});

it("stream_limit lists the viewer's own sessions, with RFC 3339 times", async () => {
  const body: unknown = await problemResponse(refusalOf("stream_limit")).json();
  expect(Object(body).running).toEqual([
    {
      sessionId: "AAAAAAAAAAAAAAAAAAAAAA",
      asset: "film",
      startedAt: "1970-01-01T00:00:00Z",
      lastSeenAt: "1970-01-01T00:01:00Z",
    },
  ]);
});

describe("withCors", () => {
  it("lets every page read the response and its useful headers, without credentials", async () => {
    const { headers, status } = withCors(problemResponse(refusalOf("store_unavailable")));
    expect([status, headers.get("Access-Control-Allow-Origin")]).toEqual([503, "*"]);
    expect(headers.has("Access-Control-Allow-Credentials")).toBe(false);
    for (const name of ["Content-Range", "ETag", "Location", "Retry-After", "WWW-Authenticate"])
      expect(headers.get("Access-Control-Expose-Headers")?.split(", ")).toContain(name);
  });

  it.each([204, 304])("keeps a %d response without a body", (status) => {
    const response = withCors(new Response(null, { status, headers: { ETag: '"a"' } }));
    expect([response.status, response.headers.get("ETag"), response.body]).toEqual([status, '"a"', null]);
  });
});

it("logs a refusal as one line, whatever its reason contains", () => {
  const lines: string[] = [];
  logRefusal((line) => lines.push(line), "edge", refusalOf("grant_invalid"));
  expect(lines.join("")).not.toMatch(/[\r\n]/);
  expect(JSON.parse(lines[0] ?? "")).toEqual({ worker: "edge", event: "refused", code: "grant_invalid", reason });
});

it.each([
  ["/sign-in/email", "/sign-in/email"],
  ["/get-session", "/get-session"],
  ["/oauth2/token", "/oauth2/token"],
  ["/reset-password/aBcDeFgHiJkLmNoPqRsTuVwX", "/reset-password/*"],
  ["/reset-password/abcdefghijklmnopqrstuvwx", "/reset-password/*"],
  ["/sign-in/aBcDeFgHiJkLmNoPqRsTuVwX", "/sign-in/*"],
  ["/sign-in/email/abc", "/sign-in/*"],
  ["/aBcDeFgHiJkLmNoPqRsTuVwX", "/*"],
  ["/callback/google/x", "/callback/*"],
  ["", "/*"],
])("logs an identity refusal at %s as %s, because a path may contain a token", (path, named) => {
  const lines: string[] = [];
  logIdentityResponse((line) => lines.push(line), "api", { status: 401, path, body: "", request: "ID" });
  expect(lines).toEqual([
    JSON.stringify({ worker: "api", event: "identity_refused", status: 401, path: named, request: "ID" }),
  ]);
});

it.each([
  ['{"code":"INVALID_EMAIL_OR_PASSWORD","message":"MARKED"}', "INVALID_EMAIL_OR_PASSWORD"],
  ['{"error":"invalid_grant","error_description":"MARKED"}', "invalid_grant"],
  ['{"code":"aBcDeFgHiJkLmNoPqRsTuVwXyZaBcDeF"}', undefined],
  ['{"code":"ann@example.com"}', undefined],
  ['{"code":"abcdefghijklmnopqrstuvwxyzabcdef"}', undefined],
  ['{"code":12}', undefined],
  ["null", undefined],
  ["<html>MARKED", undefined],
])("logs the error code of %s and nothing else of the body", (body, code) => {
  const lines: string[] = [];
  logIdentityResponse((line) => lines.push(line), "api", { status: 401, path: "/token", body, request: "ID" });
  expect(lines.map((line) => JSON.parse(line).code)).toEqual([code]);
  expect(lines.join()).not.toContain("MARKED");
});

describe("the Request-Id", () => {
  const idOf = (ray?: string) =>
    requestIdOf(new Headers(ray === undefined ? {} : { "CF-Ray": ray }), (length) => new Uint8Array(length).fill(1));

  it.each(["9f1c2d3e4a5b6c7d", "9f1c2d3e4a5b6c7d-FRA"])("is Cloudflare's Ray ID: %s", (ray) => {
    expect(idOf(ray)).toBe(ray);
  });

  it.each([
    undefined,
    "",
    "eyJhbGciOiJFUzI1NiJ9.e30.AAAA",
    "9f1c2d3e4a5b6c7d-fra",
    "9f1c2d3e4a5b6c7",
    "x".repeat(5000),
  ])("is random if CF-Ray is %j, which Cloudflare never sends", (ray) => {
    expect(idOf(ray)).toBe("0101010101010101");
  });
});

it("adds the errors of a request, whatever the code", async () => {
  const { refusal: refused } = refusal("session_unknown", reason, "CTA-Common-Access-Token: Send it.");
  expect(await problemResponse(refused).json()).toMatchObject({ faults: ["CTA-Common-Access-Token: Send it."] });
});
