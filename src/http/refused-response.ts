import type { RandomBytes } from "../base/crypto.ts";
import { type Refusal, refusal } from "../base/result.ts";
import type { Telemetry } from "../metrics/telemetry.ts";
import { problemResponse } from "./problem-response.ts";
import { requestIdOf } from "./request.ts";
import { boundedReason, type Log, type LoggedRequest, logError, logIdentityAnswer, logRefusal } from "./request-log.ts";

/** Where a worker's shell tells what it refused; made once an isolate. */
export interface Reporting {
  readonly worker: string;
  readonly log: Log;
  readonly telemetry: Telemetry;
  readonly random: RandomBytes;
}

/** What of a request its refusal is named by. */
export interface RefusedRequest {
  readonly headers: Pick<Headers, "get">;
  /** The keyed hash of its subject, where a credential or a grant said who asks; never the subject itself. */
  readonly subject?: string | undefined;
}

/**
 * The one place where a refusal becomes a response: a line of the log, a count, and problem details, whose header Request-Id
 * names the line, so that a viewer can tell an operator which one is his.
 */
export function refusedResponse(why: Refusal, { headers, subject }: RefusedRequest, reporting: Reporting): Response {
  const request = requestIdOf(headers, reporting.random);
  logRefusal(reporting.log, reporting.worker, why, { request, subject });
  return answer(why, { request, subject }, reporting);
}

/** The same for an exception, which is a bug. */
export function brokenResponse(error: unknown, { headers }: RefusedRequest, reporting: Reporting): Response {
  const request = requestIdOf(headers, reporting.random);
  logError(reporting.log, reporting.worker, error, request);
  return answer(refusal("internal_error", "an exception").refusal, { request, subject: undefined }, reporting);
}

/**
 * An answer of the identity worker's, with a line of the log and a count where it is no success. `path` is below the worker's
 * own.
 */
export async function answeredByIdentity(
  response: Response,
  path: string,
  { headers }: RefusedRequest,
  { log, worker, random, telemetry }: Reporting,
): Promise<Response> {
  const { status } = response;
  if (status < 400) return response;
  const request = requestIdOf(headers, random);
  const body = await response.text();
  logIdentityAnswer(log, worker, { status, path, body, request });
  telemetry({ event: "identity_refused", status });
  const told = new Response(body, response);
  told.headers.set("Request-Id", request);
  return told;
}

function answer(why: Refusal, about: LoggedRequest, { worker, telemetry }: Reporting): Response {
  telemetry({ event: "refused", worker, code: why.code, reason: boundedReason(why.reason), ...about });
  const response = problemResponse(why);
  response.headers.set("Request-Id", about.request);
  return response;
}
