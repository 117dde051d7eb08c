import type { Refusal } from "../base/refusal.ts";

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
  log(JSON.stringify({ worker, event: "refused", code, reason, ...about }));
}

/** One structured line for an exception, which is a bug. `request` is the id of the request that it was thrown in. */
export function logError(log: Log, worker: string, error: unknown, request?: string): void {
  log(JSON.stringify({ worker, event: "error", error: describeError(error), request }));
}

/**
 * One structured line for an answer of the identity worker that is no success: it knows why, so the line says which of its
 * routes and with what status. A path may hold a token of a letter, so no more of it is written than names a route.
 */
export function logIdentityAnswer(log: Log, worker: string, path: string, status: number, request: string): void {
  log(JSON.stringify({ worker, event: "identity_refused", status, path: routeOf(path), request }));
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
