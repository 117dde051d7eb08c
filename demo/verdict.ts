import type { Problem } from "./problem.ts";
import { timeLeft, timeOfDay } from "./time-text.ts";
import type { Outcome } from "./watched-request.ts";

const over: ReadonlySet<string> = new Set([
  "session_revoked",
  "session_shared",
  "stream_taken",
  "grant_expired",
  "binding_mismatch",
]);

/** Whether a refusal is for the whole session, so that no other file will be served either. */
export function endsSession({ code }: Problem): boolean {
  return over.has(code);
}

/** The running streams, in words. */
export function runningText({ running = [] }: Problem): string {
  const streams = running.map(({ asset, since }) => `${asset} has been running since ${timeOfDay(since)}`);
  return streams.join(", ");
}

/** Advice about a refusal: the time of the next attempt if the response has one, otherwise the server's own words. */
export function retryText({ detail, retryAt }: Problem): string {
  if (retryAt === undefined) return detail;
  return `Try again in ${timeLeft(retryAt, Date.now())}, at ${timeOfDay(retryAt)}.`;
}

/** The result of a request, in a few words. */
export function verdictText(outcome: Outcome): string {
  switch (outcome.verdict) {
    case "served":
      return outcome.renewedTo === undefined ? `${outcome.status} served` : `307 renewed → ${outcome.status}`;
    case "refused":
      return `${outcome.problem.status} ${outcome.problem.code}`;
    case "unreachable":
      return "no response";
    case "cancelled":
      return "cancelled";
  }
}

/**
 * The meaning of a result, and advice. `reason` explains why a file was served; a refusal has the server's own words.
 */
export function verdictSentence(outcome: Outcome, reason: string): string {
  switch (outcome.verdict) {
    case "served":
      return outcome.renewedTo === undefined
        ? `Served: ${reason}.`
        : "The signature was authentic but had expired. The session is still running, so the media host redirected to a fresh URL.";
    case "refused":
      return `${outcome.problem.title}. ${retryText(outcome.problem)}`;
    case "unreachable":
      return "No response. Is `npm start` still running?";
    case "cancelled":
      return "The player no longer needed it.";
  }
}
