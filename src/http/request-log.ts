import type { Refusal } from "../base/result.ts";
import type { OperatorAct } from "../sessions/session-context.ts";

/** The port for the log: one line, already free of secrets. */
export type Log = (line: string) => void;

/** What a line says of the request that was refused; what a worker refuses for itself, in the background, has none. */
export interface LoggedRequest {
  /** Its id, which the answer carries as Request-Id. */
  readonly request: string;
  /** The keyed hash of its subject, where that is known. */
  readonly subject: string | undefined;
}

/** One structured line a refusal. It holds no URL and no header: both may carry what opens a stream. */
export function logRefusal(log: Log, worker: string, { code, reason }: Refusal, about?: LoggedRequest): void {
  log(JSON.stringify({ worker, event: "refused", code, reason: boundedReason(reason), ...about }));
}

/** Maximum length of a reason, in UTF-16 code units. A count's report with a longer one would be refused as a whole. */
const longestReason = 1000;

/** A reason as it goes to the log and the counts: most name no more than numbers, but an origin's or a library's words may be long. */
export function boundedReason(reason: string): string {
  return reason.length <= longestReason ? reason : `${reason.slice(0, longestReason - 1)}…`;
}

/** One structured line for an exception, which is a bug. `request` is the id of the request that it was thrown in. */
export function logError(log: Log, worker: string, error: unknown, request?: string): void {
  log(JSON.stringify({ worker, event: "error", error: describeError(error), request }));
}

/** One structured line for each act of an operator: who did what, by the name in his credential, and what came of it. */
export function logAct(log: Log, worker: string, { operator, through, act, kind, id, outcome }: OperatorAct): void {
  log(JSON.stringify({ worker, event: "operator", operator, through, act, kind, id, outcome }));
}

/** An answer of the identity worker's that is no success. */
export interface IdentityAnswer {
  readonly status: number;
  readonly path: string;
  /** Its body, where the reason stands as a code. */
  readonly body: string;
  /** The id of the request. */
  readonly request: string;
}

/**
 * One structured line for an answer of the identity worker that is no success: which of its routes, with what status, and the
 * code that it gives for the reason. A path may hold a token of a letter, so no more of it is written than names a route.
 */
export function logIdentityAnswer(log: Log, worker: string, { status, path, body, request }: IdentityAnswer): void {
  const line = { worker, event: "identity_refused", status, path: routeOf(path), code: codeIn(body), request };
  log(JSON.stringify(line));
}

/** `code` as better-auth writes it, `error` as RFC 6749 §5.2 does: words of a protocol, and nothing of what was sent. */
function codeIn(body: string): string | undefined {
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

function routeOf(path: string): string {
  const [first = "", second = "", ...rest] = path.split("/").slice(1);
  const word = (part: string) => (/^[a-z][a-z0-9-]{0,31}$/.test(part) ? part : "*");
  if (second === "") return `/${word(first)}`;
  const isFamily = ["sign-in", "sign-up", "oauth2"].includes(first) && rest.length === 0;
  return `/${word(first)}/${isFamily ? word(second) : "*"}`;
}

/** An exception's name and where it was thrown. Its message is left out: nobody vouches for what others write into one. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return "not an Error";
  // The stack begins with the message, and a line of that may look like a place. One that cannot be found is left as it is.
  const { stack = "", message } = error;
  const behind = stack.includes(message) ? stack.slice(stack.indexOf(message) + message.length) : "";
  const frames = behind.split("\n").filter((line) => /^\s+at /.test(line));
  return [error.name, ...frames.slice(0, 5).map((frame) => frame.trim())].join(" ");
}
