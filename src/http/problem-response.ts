import { proofAlgorithms } from "../auth/dpop.ts";
import type { QuotaStatus } from "../auth/rate-limit.ts";
import type { RandomBytes } from "../base/crypto.ts";
import { type Refusal, refusal } from "../base/result.ts";
import { rfc3339 } from "../base/time.ts";
import type { Asked, RequestTraits } from "../metrics/gathered.ts";
import type { Telemetry } from "../metrics/telemetry.ts";
import type { OperatorAct } from "../sessions/session-context.ts";
import { causeOf } from "./cause.ts";
import { problemFor } from "./problems.ts";
import { requestIdOf } from "./request.ts";

const realm = 'Bearer realm="stagedoor"';
const algs = `algs="${proofAlgorithms.join(" ")}"`;

/** Repeats a refusal's code for players and page scripts that see the headers of a failed request, but not its body. */
export const refusalHeader = "Stagedoor-Refusal";

/**
 * Maps a refusal to problem details (RFC 9457) with the headers that its status needs. The response is never cached.
 */
export function problemResponse(refusal: Refusal): Response {
  const { status, title, detail } = problemFor(refusal.code);
  const headers = new Headers({
    "Content-Type": "application/problem+json",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    [refusalHeader]: refusal.code,
  });
  const challenge = challengeFor(refusal);
  if (challenge !== undefined) headers.set("WWW-Authenticate", challenge);
  if (status === 503) headers.set("Retry-After", "2");
  if (refusal.code === "start_rate_exceeded" || refusal.code === "rate_limited")
    headers.set("Retry-After", String(Math.ceil(refusal.retryAfter)));
  if (refusal.code === "range_not_satisfiable" && "size" in refusal)
    headers.set("Content-Range", `bytes */${refusal.size}`);
  if (refusal.code === "method_unknown") headers.set("Allow", refusal.allow);
  if (refusal.code === "method_not_covered") headers.set("Allow", "GET, HEAD, OPTIONS");
  const type = `urn:stagedoor:problem:${refusal.code}`;
  const problem = { type, title, status, code: refusal.code, detail, ...extensionMembers(refusal) };
  return new Response(JSON.stringify(problem), { status, headers });
}

/** Extension members (RFC 9457 §3.2): the errors of the request, or the viewer's own running sessions. */
function extensionMembers(refusal: Refusal): object {
  if ("faults" in refusal && refusal.faults !== undefined) return { faults: refusal.faults };
  if (refusal.code === "scope_insufficient")
    return { faults: [`Authorization: the token lacks the scope ${refusal.scope}`] };
  if (refusal.code !== "stream_limit") return {};
  const running = refusal.running.map(({ sessionId, assetId, startedAt, seenAt }) => ({
    sessionId,
    asset: assetId,
    startedAt: rfc3339(startedAt),
    lastSeenAt: rfc3339(seenAt),
  }));
  return { running };
}

/** RFC 6750 §3: a request without a credential gets no error code. */
function challengeFor(refusal: Refusal): string | undefined {
  switch (refusal.code) {
    case "token_missing":
    case "sign_in_required":
      return realm;
    case "dpop_proof_invalid":
      return `DPoP realm="stagedoor", error="invalid_dpop_proof", ${algs}`;
    case "token_invalid":
      return `${realm}, error="invalid_token"`;
    case "token_revoked":
      return `${realm}, error="invalid_token", error_description="Token revoked"`;
    case "token_expired":
      return `${realm}, error="invalid_token", error_description="Token expired"`;
    case "request_invalid":
      return `${realm}, error="invalid_request"`;
    case "scope_insufficient":
      return `${realm}, error="insufficient_scope", scope="${refusal.scope}"`;
    default:
      return undefined;
  }
}

/** `tried`: the request used the DPoP scheme. `required`: it did not, but some issuer requires DPoP. */
export type DpopUse = "tried" | "required" | "none";

/**
 * Adds a DPoP challenge to a Bearer challenge (RFC 9449 §7.1). It repeats the error for a client that used DPoP. For a
 * client that used Bearer it has no error, and only offers the other scheme.
 */
export function withDpopChallenge(challenge: string, use: DpopUse): string {
  if (use === "none" || !challenge.startsWith(realm)) return challenge;
  const parameters = use === "tried" ? challenge.slice("Bearer ".length) : 'realm="stagedoor"';
  return `${challenge}, DPoP ${parameters}, ${algs}`;
}

/**
 * Adds RateLimit-Policy and RateLimit (draft-ietf-httpapi-ratelimit-headers-10) for every rate limit that counted the
 * request, as lists of structured fields (RFC 9651): `"start-subject";q=1000;w=3600` and
 * `"start-subject";r=998;t=3100`.
 */
export function withRateLimitFields(response: Response, quotas: readonly QuotaStatus[]): Response {
  if (quotas.length === 0) return response;
  const mutable = new Response(response.body, response);
  setRateLimitFields(mutable.headers, quotas);
  return mutable;
}

/** Like {@link withRateLimitFields}, for a response whose headers are mutable. */
export function setRateLimitFields(headers: Headers, quotas: readonly QuotaStatus[]): void {
  if (quotas.length === 0) return;
  const policies = quotas.map(({ policy }) => `"${policy.name}";q=${policy.quota};w=${Math.ceil(policy.window)}`);
  const limits = quotas.map(
    ({ policy, remaining, resetsIn }) => `"${policy.name}";r=${remaining};t=${Math.ceil(resetsIn)}`,
  );
  headers.set("RateLimit-Policy", policies.join(", "));
  headers.set("RateLimit", limits.join(", "));
}

/** The means by which a worker reports refusals. One object per isolate. */
export interface Reporting {
  readonly worker: string;
  readonly log: Log;
  readonly telemetry: Telemetry;
  readonly random: RandomBytes;
}

export interface RefusedRequest {
  readonly headers: Pick<Headers, "get">;
  /** The keyed hash of the subject, if a credential or a grant named one; never the subject itself. */
  readonly subject?: string | undefined;
  /** What a viewer asked for, if that is counted. */
  readonly asked?: Asked | undefined;
  /** What is known of the request, for lists. */
  readonly traits?: RequestTraits | undefined;
}

/**
 * Turns a refusal into a response, and logs and counts it. The Request-Id header identifies the log line, so a viewer
 * can quote it to an operator.
 */
export function refusedResponse(
  refused: Refusal,
  { headers, subject, asked, traits }: RefusedRequest,
  reporting: Reporting,
): Response {
  const request = requestIdOf(headers, reporting.random);
  logRefusal(reporting.log, reporting.worker, refused, { request, subject });
  return countedResponse(refused, { request, subject, asked, traits }, reporting);
}

/** Like {@link refusedResponse}, for an exception, which is a bug. */
export function errorResponse(
  error: unknown,
  { headers, asked, traits }: RefusedRequest,
  reporting: Reporting,
): Response {
  const request = requestIdOf(headers, reporting.random);
  logError(reporting.log, reporting.worker, error, request);
  const refused = refusal("internal_error", "an exception").refusal;
  return countedResponse(refused, { request, subject: undefined, asked, traits }, reporting);
}

/** Logs and counts an error response of the identity worker. `path` is relative to the worker's base path. */
export async function reportIdentityResponse(
  response: Response,
  path: string,
  { headers }: RefusedRequest,
  { log, worker, random, telemetry }: Reporting,
): Promise<Response> {
  const { status } = response;
  if (status < 400) return response;
  const request = requestIdOf(headers, random);
  const body = await response.text();
  logIdentityResponse(log, worker, { status, path, body, request });
  telemetry({ event: "identity_refused", status });
  const reported = new Response(body, response);
  reported.headers.set("Request-Id", request);
  return reported;
}

function countedResponse(
  refused: Refusal,
  { traits, ...request }: LoggedRequest & Pick<RefusedRequest, "asked" | "traits">,
  { worker, telemetry }: Reporting,
): Response {
  const { code } = refused;
  const reason = boundedReason(refused.reason);
  telemetry({ event: "refused", worker, code, cause: causeOf(code), reason, ...request, ...traits });
  const response = problemResponse(refused);
  response.headers.set("Request-Id", request.request);
  return response;
}

/** Writes one line, which contains no secrets. */
export type Log = (line: string) => void;

/** The request that a log line is about. Refusals of background work have none. */
interface LoggedRequest {
  /** The id in the response's Request-Id header. */
  readonly request: string;
  /** The keyed hash of the subject, if it is known. */
  readonly subject: string | undefined;
}

/** Logs a refusal without URLs and headers: both may contain a credential, a grant or a signature. */
export function logRefusal(log: Log, worker: string, { code, reason }: Refusal, request?: LoggedRequest): void {
  log(JSON.stringify({ worker, event: "refused", code, reason: boundedReason(reason), ...request }));
}

/** Logs a request that was served although it would be refused, because its asset is not enforced. */
export function logObserved(
  log: Log,
  worker: string,
  { code, reason }: Pick<Refusal, "code" | "reason">,
  { asset, player }: Pick<RequestTraits, "asset" | "player">,
): void {
  log(JSON.stringify({ worker, event: "observed", code, reason: boundedReason(reason), asset, player }));
}

/** Maximum length of a reason in UTF-16 code units. The metrics object rejects a report with a longer one. */
const maxReasonLength = 1000;

/** Shortens a reason for the log and the counts: it may quote an origin or a library at any length. */
function boundedReason(reason: string): string {
  return reason.length <= maxReasonLength ? reason : `${reason.slice(0, maxReasonLength - 1)}…`;
}

/** Logs an exception, which is a bug. `request` is the id of the request that caused it. */
export function logError(log: Log, worker: string, error: unknown, request?: string): void {
  log(JSON.stringify({ worker, event: "error", error: describeError(error), request }));
}

/** Logs an operator's action: the name in their credential, the action and its outcome. */
export function logOperatorAct(
  log: Log,
  worker: string,
  { operator, through, act, kind, id, outcome }: OperatorAct,
): void {
  log(JSON.stringify({ worker, event: "operator", operator, through, act, kind, id, outcome }));
}

/** An error response of the identity worker. */
export interface IdentityError {
  readonly status: number;
  readonly path: string;
  /** Its body, which contains the error code. */
  readonly body: string;
  /** The id of the request. */
  readonly request: string;
}

/**
 * Logs an error response of the identity worker: route, status and error code. A path may contain a token from an
 * e-mail, so only the part that names the route is written.
 */
export function logIdentityResponse(log: Log, worker: string, { status, path, body, request }: IdentityError): void {
  const line = { worker, event: "identity_refused", status, path: routeOf(path), code: errorCodeIn(body), request };
  log(JSON.stringify(line));
}

/**
 * `code` as better-auth writes it, or `error` (RFC 6749 §5.2). The pattern matches protocol words only, no echoed input.
 */
function errorCodeIn(body: string): string | undefined {
  let document: Readonly<Record<string, unknown>>;
  try {
    document = Object(JSON.parse(body));
  } catch {
    return undefined;
  }
  const code = document.code ?? document.error;
  return typeof code === "string" && /^([A-Z]{2,20}(_[A-Z]{1,20})*|[a-z]{2,20}(_[a-z]{1,20})*)$/.test(code)
    ? code
    : undefined;
}

/** `/sign-in/email` as it is, `/reset-password/<token>` as `/reset-password/*`. */
function routeOf(path: string): string {
  const [first = "", second = "", ...rest] = path.split("/").slice(1);
  const word = (part: string) => (/^[a-z][a-z0-9-]{0,31}$/.test(part) ? part : "*");
  if (second === "") return `/${word(first)}`;
  const hasNamedChildren = ["sign-in", "sign-up", "oauth2"].includes(first) && rest.length === 0;
  return `/${word(first)}/${hasNamedChildren ? word(second) : "*"}`;
}

/** An exception's name and stack frames. Its message is left out, because libraries may write input into it. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return "not an Error";
  // The stack begins with the message, and a line of the message may look like a frame. If the message cannot be found
  // in the stack, no frames are logged.
  const { stack = "", message } = error;
  const afterMessage = stack.includes(message) ? stack.slice(stack.indexOf(message) + message.length) : "";
  const frames = afterMessage.split("\n").filter((line) => /^\s+at /.test(line));
  return [error.name, ...frames.slice(0, 5).map((frame) => frame.trim())].join(" ");
}
