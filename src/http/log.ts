import type { Refusal } from "../base/refusal.ts";

/** The port for the log: one line, already free of secrets. */
export type Log = (line: string) => void;

/** One structured line a refusal. It holds no URL and no header: both may carry what opens a stream. */
export function logRefusal(log: Log, worker: string, refusal: Refusal): void {
  log(JSON.stringify({ worker, event: "refused", code: refusal.code, reason: refusal.reason }));
}
