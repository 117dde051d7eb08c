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
  const frames = (error.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line));
  return [error.name, ...frames.slice(0, 5).map((frame) => frame.trim())].join(" ");
}
