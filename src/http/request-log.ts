import type { Refusal } from "../base/result.ts";
import type { OperatorAct } from "../sessions/session-context.ts";

/** Writes one line, which contains no secrets. */
export type Log = (line: string) => void;

/** The request that a log line is about. Refusals of background work have none. */
export interface LoggedRequest {
  /** The id in the response's Request-Id header. */
  readonly request: string;
  /** The keyed hash of the subject, if it is known. */
  readonly subject: string | undefined;
}

/** Contains no URL and no header: both may carry a credential, a grant or a signature. */
export function logRefusal(log: Log, worker: string, { code, reason }: Refusal, request?: LoggedRequest): void {
  log(JSON.stringify({ worker, event: "refused", code, reason: boundedReason(reason), ...request }));
}

/** Maximum length of a reason in UTF-16 code units. The metrics object rejects a report with a longer one. */
const maxReasonLength = 1000;

/** Shortens a reason for the log and the counts: it may quote an origin or a library at any length. */
export function boundedReason(reason: string): string {
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
 * `code` as better-auth writes it, or `error` (RFC 6749 §5.2). The pattern admits protocol words only, no echoed input.
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
