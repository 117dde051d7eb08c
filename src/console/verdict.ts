import type { Refusal, Result } from "../base/result.ts";
import { between, type UnixSeconds } from "../base/time.ts";
import { problemFor, refusalCodes } from "../http/problems.ts";
import type { RefusalsOfHour, SessionsNow } from "../metrics/gathered.ts";
import { duration } from "../operator/explain/explanation.ts";
import type { KeyList, KeyStatus } from "../operator/list-keys.ts";
import { countOf, formatNumber } from "./format.ts";
import type { Level } from "./parts.tsx";
import { codesOf, countRefusals } from "./refusal-counts.ts";

/** The data of the overview. */
export interface Overview {
  readonly sessions: Result<SessionsNow, Refusal>;
  /** The number of all sessions, whatever the search. */
  readonly watching: number | undefined;
  readonly refusals: Result<RefusalsOfHour, Refusal>;
  readonly keys: Result<KeyList, Refusal>;
  readonly now: UnixSeconds;
}

interface Verdict {
  readonly level: Level;
  /** One line. */
  readonly words: string;
  /** The evidence, or what to look at first. */
  readonly why: string;
}

interface Issue extends Verdict {
  readonly level: "warning" | "error";
}

/** Fewer refusals than these in five minutes are never an unusual number. */
const surgeMinimum = 60;

/**
 * The service's status in one line: the worst issue. Server and origin errors (5xx) are an error while they last;
 * refusals of viewers are normal, unless their number surges.
 */
export function verdictOf({ sessions, refusals, keys, now }: Overview): Verdict {
  const unavailable = [sessions, refusals, keys].find((part) => !part.ok);
  if (unavailable !== undefined && !unavailable.ok)
    return {
      level: "error",
      words: "Some data is unavailable.",
      why: `${problemFor(unavailable.refusal.code).title}: ${unavailable.refusal.reason}.`,
    };
  const issues = [
    ...(refusals.ok ? refusalIssues(refusals.value) : []),
    ...(keys.ok ? keyIssues(keys.value, now) : []),
  ];
  const worst = issues.find(({ level }) => level === "error") ?? issues[0];
  if (worst !== undefined) return worst;
  const refused = refusals.ok ? countRefusals(refusals.value) : 0;
  const why =
    refused === 0
      ? "No requests refused in the last hour; no key needs attention."
      : `${countOf(refused, "request")} refused in the last hour; no server or origin errors.`;
  return { level: "ok", words: "All is well.", why };
}

function refusalIssues(refusals: RefusalsOfHour): readonly Issue[] {
  const issues: Issue[] = [];
  const lastMinutes = countRefusals(refusals, 5, isServerError);
  const lastHour = countRefusals(refusals, 60, isServerError);
  const codes = serverErrorCodes(refusals).join(", ");
  if (lastMinutes > 0)
    issues.push({
      level: "error",
      words: `${countOf(lastMinutes, "request")} failed in the last five minutes.`,
      why: `Server or origin errors: ${codes}.`,
    });
  else if (lastHour > 0)
    issues.push({
      level: "warning",
      words: `${countOf(lastHour, "request")} failed in the last hour, none in the last five minutes.`,
      why: `Server or origin errors: ${codes}.`,
    });
  const recent = countRefusals(refusals, 5);
  const before = Math.round(((countRefusals(refusals) - recent) / Math.max(refusals.minutes.length - 5, 1)) * 5);
  if (recent >= surgeMinimum && recent > 4 * before)
    issues.push({
      level: "warning",
      words: "Unusually many refusals.",
      why: `${formatNumber(recent)} in the last five minutes, mostly ${mostFrequentCode(refusals)}; ${before < 1 ? "almost none" : `about ${formatNumber(before)} per five minutes`} before.`,
    });
  return issues;
}

/** Of the last five minutes. */
function mostFrequentCode({ minutes }: RefusalsOfHour): string {
  const [first] = codesOf({ minutes: minutes.slice(-5), recent: [] });
  return first?.code ?? "";
}

/** Whether a code has a 5xx status. */
function isServerError(code: string): boolean {
  const known = refusalCodes.find((one) => one === code);
  return known !== undefined && problemFor(known).status >= 500;
}

function serverErrorCodes({ minutes }: RefusalsOfHour): readonly string[] {
  const codes = minutes.flatMap(({ counts }) => Object.keys(counts).filter((code) => (counts[code] ?? 0) > 0));
  return [...new Set(codes)].filter(isServerError);
}

/** A key without a successor is reported a week before it expires. */
const expiryNotice = 7 * 86_400;

function keyIssues({ keys, longestSession }: KeyList, now: UnixSeconds): readonly Issue[] {
  const active = (purpose: KeyStatus["purpose"]) =>
    keys.filter((key) => key.purpose === purpose && key.state === "active" && !key.revoked);
  if (active("session").length === 0)
    return [
      {
        level: "error",
        words: "No active session key: streams cannot start.",
        why: "Give the workers an active key: npx stagedoor keys new --purpose session, then keys for.",
      },
    ];
  return keys.flatMap((key): Issue[] => {
    const { kid, purpose, ends, state } = key;
    if (state !== "active" || ends === undefined || purpose === "token") return [];
    const left = between(now, ends);
    // A session that starts now would end with its key.
    const notice = purpose === "session" ? Math.max(expiryNotice, longestSession) : expiryNotice;
    const hasSuccessor = keys.some((other) => other.purpose === purpose && other.state === "next");
    if (left > notice || hasSuccessor) return [];
    const words = `The ${purpose} key ${kid} expires in ${duration(left)}.`;
    const why = `It has no successor: npx stagedoor keys rotate --purpose ${purpose}.`;
    return [{ level: left < longestSession && purpose === "session" ? "error" : "warning", words, why }];
  });
}
