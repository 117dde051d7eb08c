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

/** Whether a refusal is for the whole session, so that asking for another file is no use. */
export function endsSession({ code }: Problem): boolean {
  return over.has(code);
}

/** What runs already, in words. */
export function runningText({ running = [] }: Problem): string {
  const streams = running.map(({ asset, since }) => `${asset} has been running since ${timeOfDay(since)}`);
  return streams.join(", ");
}

/** What to do about a refusal: when to try again where the answer names it, else the server's own words. */
export function retryText({ detail, againAt }: Problem): string {
  if (againAt === undefined) return detail;
  return `Try again in ${timeLeft(againAt, Date.now())}, at ${timeOfDay(againAt)}.`;
}

/** How a request ended, in a few words. */
export function verdictText(outcome: Outcome): string {
  switch (outcome.verdict) {
    case "served":
      return outcome.renewedTo === undefined ? `${outcome.status} served` : `307 renewed → ${outcome.status}`;
    case "refused":
      return `${outcome.problem.status} ${outcome.problem.code}`;
    case "unreachable":
      return "no answer";
    case "cancelled":
      return "cancelled";
  }
}

/**
 * What that means, and what to do about it: the server's own words where it refused. `held` says what was judged where
 * it was served.
 */
export function verdictSentence(outcome: Outcome, held: string): string {
  switch (outcome.verdict) {
    case "served":
      return outcome.renewedTo === undefined
        ? `Served: ${held}.`
        : "The signature was authentic but had ended. The session goes on, so the media host redirected to a fresh one.";
    case "refused":
      return `${outcome.problem.title}. ${retryText(outcome.problem)}`;
    case "unreachable":
      return "Nobody answered. Is `npm start` still running?";
    case "cancelled":
      return "The player needed it no more.";
  }
}
