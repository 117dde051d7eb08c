import type { Refusal, Result } from "../base/result.ts";
import { between, type UnixSeconds } from "../base/time.ts";
import type { Unenforced } from "../catalog/enforcement.ts";
import { causeOf, isFailure } from "../http/cause.ts";
import { problemFor } from "../http/problems.ts";
import type { Asked, Cause, RefusalsOfHour, SessionsNow } from "../metrics/gathered.ts";
import { type Answered, answeredIn, countOf, countRefusals, formatNumber, sumsOf } from "./counts.ts";
import { duration } from "./explain/explanation.ts";
import type { KeyList, KeyStatus } from "./list-keys.ts";

/** How urgent something is. */
export const levels = ["ok", "warning", "error"] as const;
export type Level = (typeof levels)[number];

/** The data of the overview. */
export interface Overview {
  readonly sessions: Result<SessionsNow, Refusal>;
  /** The number of all sessions, whatever the search. */
  readonly watching: number | undefined;
  readonly refusals: Result<RefusalsOfHour, Refusal>;
  readonly keys: Result<KeyList, Refusal>;
  /** What is clearly worse than a day before; empty if that is unknown. */
  readonly worse: readonly string[];
  /** The assets that are not enforced now. */
  readonly unenforced: readonly Unenforced[];
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

/** The minutes that the verdict is about. An earlier failure is mentioned, and is no issue any more. */
export const watchedMinutes = 5;

/**
 * Thresholds of `watchedMinutes`. Of a failure's code (5xx) one refusal is an issue; codes that one client can cause
 * alone have to be `many`. `share` and `failing`: of all requests, from which an issue is a warning or an error.
 * `few`: fewer requests show nothing if viewers are the cause.
 */
const limits = {
  many: 10,
  share: 0.05,
  start: { few: 20, failing: 0.2 },
  media: { few: 60, failing: 0.05 },
} as const;

/** Fewer refusals than these in five minutes are never an unusual number. */
const surgeMinimum = 60;

/**
 * The service's status in one line: the worst issue. It watches the shares of starts and of media requests that are
 * accepted, by whose fault the others are, then other failures (5xx), unusual numbers of refusals, keys, and
 * the same hour of yesterday.
 */
export function verdictOf({ sessions, refusals, keys, worse, unenforced, now }: Overview): Verdict {
  const unavailable = [sessions, refusals, keys].find((part) => !part.ok);
  if (unavailable !== undefined && !unavailable.ok)
    return {
      level: "error",
      words: "Some data is unavailable.",
      why: `${problemFor(unavailable.refusal.code).title}: ${unavailable.refusal.reason}.`,
    };
  const issues = [
    ...(refusals.ok ? requestIssues(refusals.value) : []),
    ...(keys.ok ? keyIssues(keys.value, now) : []),
    ...offIssues(unenforced, now),
    ...worse.map((why): Issue => ({ level: "warning", words: "Worse than yesterday at this time.", why: `${why}.` })),
  ];
  const worst = issues.find(({ level }) => level === "error") ?? issues[0];
  if (worst !== undefined) return worst;
  return { level: "ok", words: "All is well.", why: refusals.ok ? calmWords(refusals.value) : "" };
}

function requestIssues(refusals: RefusalsOfHour): readonly Issue[] {
  const { minutes } = refusals;
  const [starts, media] = [answeredIn(minutes, "start", watchedMinutes), answeredIn(minutes, "media", watchedMinutes)];
  return [
    ...shareIssues(starts, { ...limits.start, one: "start" }),
    ...shareIssues(media, { ...limits.media, one: "media request" }),
    ...otherFailures(refusals, [...starts.codes, ...media.codes]),
    ...surges(refusals),
  ];
}

/** In words. A provider also is the entitlement service: its answers decide about starts like tokens do. */
export const causers: Readonly<Record<Cause, string>> = {
  ours: "this service",
  origin: "the origin",
  provider: "the provider",
  viewer: "the viewers' requests",
};

const advice: Readonly<Record<Exclude<Cause, "viewer">, string>> = {
  ours: "Look at /ready of both hosts, and at the last deployment or key rotation.",
  origin: "Look at the origin itself: the reasons below have its answers.",
  provider: "The reasons below name it. Compare a token with the issuer's settings: npx stagedoor token --inspect.",
};

function shareIssues(
  answered: Answered,
  { few, failing, one }: { readonly few: number; readonly failing: number; readonly one: string },
): readonly Issue[] {
  const { requested, accepted, refused, codes } = answered;
  const issues = (["ours", "origin", "provider"] as const).flatMap((cause): (Issue & { count: number })[] => {
    const count = refused[cause];
    const own = codes.filter(([code]) => causeOf(code) === cause);
    const hasFailure = own.some(([code]) => isFailure(code));
    const share = count / Math.max(requested, 1);
    if (count === 0 || (!hasFailure && (count < limits.many || share < limits.share))) return [];
    // A failure of the service itself is never as common as a client's mistake.
    const isError = share >= (hasFailure ? limits.share : failing);
    const words = `${formatNumber(count)} of ${countOf(requested, one)} failed because of ${causers[cause]}.`;
    const why = `${inMinutes}: ${codeWords(own)}. ${advice[cause]}`;
    return [{ level: isError ? "error" : "warning", count, words, why }];
  });
  const isError = ({ level }: Issue) => Number(level === "error");
  if (issues.length > 0) return issues.toSorted((a, b) => isError(b) - isError(a) || b.count - a.count);
  if (requested < few || accepted >= requested / 2) return [];
  const words = `Only ${formatNumber(accepted)} of ${countOf(requested, one)} ${accepted === 1 ? "was" : "were"} accepted.`;
  return [{ level: "warning", words, why: `${inMinutes}: ${codeWords(codes)}, because of ${causers.viewer}.` }];
}

const inMinutes = "In the last five minutes";

/** `token_invalid (240), scope_insufficient (10)`; the three most frequent. */
function codeWords(codes: Answered["codes"]): string {
  const shown = codes.slice(0, 3).map(([code, count]) => `${code} (${formatNumber(count)})`);
  return [...shown, ...(codes.length > shown.length ? ["others"] : [])].join(", ");
}

/** Failures of requests other than starts and media: renewals, sign-in, operators' routes. */
function otherFailures({ minutes }: RefusalsOfHour, ofViewers: Answered["codes"]): readonly Issue[] {
  const counted = new Map<string, number>();
  for (const [code, count] of ofViewers) counted.set(code, (counted.get(code) ?? 0) + count);
  const failures = sumsOf(minutes.slice(-watchedMinutes).map(({ counts }) => counts))
    .map(([code, count]) => [code, count - (counted.get(code) ?? 0)] as const)
    .filter(([code, count]) => isFailure(code) && count > 0);
  if (failures.length === 0) return [];
  const count = failures.reduce((sum, [, one]) => sum + one, 0);
  const words = `${countOf(count, "request")} failed in the last five minutes.`;
  return [{ level: "error", words, why: `Server or origin errors: ${failures.map(([code]) => code).join(", ")}.` }];
}

function surges(refusals: RefusalsOfHour): readonly Issue[] {
  const { minutes } = refusals;
  const recent = countRefusals(refusals, watchedMinutes);
  const earlier = Math.max(minutes.length - watchedMinutes, 1);
  const before = Math.round(((countRefusals(refusals) - recent) / earlier) * watchedMinutes);
  if (recent < surgeMinimum || recent <= 4 * before) return [];
  const [[code] = [""]] = sumsOf(minutes.slice(-watchedMinutes).map(({ counts }) => counts));
  const usual = before < 1 ? "almost none" : `about ${formatNumber(before)} per five minutes`;
  const why = `${formatNumber(recent)} in the last five minutes, mostly ${code}; ${usual} before.`;
  return [{ level: "warning", words: "Unusually many refusals.", why }];
}

/** What was answered in the last minutes, and the failures that are over. */
function calmWords(refusals: RefusalsOfHour): string {
  const { minutes } = refusals;
  const told = (asked: Asked, one: string) => {
    const { requested, accepted } = answeredIn(minutes, asked, watchedMinutes);
    return requested === 0 ? [] : [`${formatNumber(accepted)} of ${countOf(requested, one)}`];
  };
  const answered = [...told("start", "start"), ...told("media", "media request")].join(" and ");
  const now = `${answered === "" ? "No starts and no media requests" : `${answered} accepted`} in the last five minutes`;
  const failures = sumsOf(minutes.map(({ counts }) => counts)).filter(([code]) => isFailure(code));
  const refused = countRefusals(refusals);
  if (failures.length > 0) return `${now}. Failures earlier in the hour, over now: ${codeWords(failures)}.`;
  return `${now}; ${refused === 0 ? "nothing" : countOf(refused, "request")} refused in the last hour.`;
}

/** Assets in observe are no issue: an operator rolls protection out. They are listed below the headline. */
function offIssues(unenforced: readonly Unenforced[], now: UnixSeconds): readonly Issue[] {
  const [first, ...others] = unenforced.filter(({ mode }) => mode === "off");
  if (first === undefined) return [];
  const { asset, until } = first;
  const which = others.length === 0 ? asset : `${asset} and ${countOf(others.length, "other asset")}`;
  const why = `Anybody can play it without a token. It is enforced again in ${duration(between(now, until))}, or with npx stagedoor assets enforcement ${asset} enforce.`;
  return [{ level: "warning", words: `Protection is off: ${which}.`, why }];
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
