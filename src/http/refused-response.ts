import type { RandomBytes } from "../base/crypto.ts";
import { type Refusal, refusal } from "../base/result.ts";
import type { Telemetry } from "../metrics/telemetry.ts";
import { problemResponse } from "./problem-response.ts";
import { requestIdOf } from "./request.ts";
import {
  boundedReason,
  type Log,
  type LoggedRequest,
  logError,
  logIdentityResponse,
  logRefusal,
} from "./request-log.ts";

/** How a worker reports refusals; made once per isolate. */
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
}

/**
 * The only place where a refusal becomes a response: a log line, a count, and problem details. The Request-Id header names the
 * log line, so a viewer can quote it to an operator.
 */
export function refusedResponse(
  refused: Refusal,
  { headers, subject }: RefusedRequest,
  reporting: Reporting,
): Response {
  const request = requestIdOf(headers, reporting.random);
  logRefusal(reporting.log, reporting.worker, refused, { request, subject });
  return countedResponse(refused, { request, subject }, reporting);
}

/** The same for an exception, which is a bug. */
export function errorResponse(error: unknown, { headers }: RefusedRequest, reporting: Reporting): Response {
  const request = requestIdOf(headers, reporting.random);
  logError(reporting.log, reporting.worker, error, request);
  return countedResponse(refusal("internal_error", "an exception").refusal, { request, subject: undefined }, reporting);
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

function countedResponse(refused: Refusal, request: LoggedRequest, { worker, telemetry }: Reporting): Response {
  telemetry({ event: "refused", worker, code: refused.code, reason: boundedReason(refused.reason), ...request });
  const response = problemResponse(refused);
  response.headers.set("Request-Id", request.request);
  return response;
}
