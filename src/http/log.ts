import type { Refusal } from "../base/refusal.ts";

/** The port for the log: one line, already free of secrets. */
export type Log = (line: string) => void;

/** One structured line a refusal. It holds no URL and no header: both may carry what opens a stream. */
export function logRefusal(log: Log, worker: string, refusal: Refusal): void {
  log(JSON.stringify({ worker, event: "refused", code: refusal.code, reason: refusal.reason }));
}

/** One structured line for an exception, which is a bug. */
export function logError(log: Log, worker: string, error: unknown): void {
  log(JSON.stringify({ worker, event: "error", error: describeError(error) }));
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
