import type { Refusal, Result } from "../base/result.ts";
import { between, type UnixSeconds } from "../base/time.ts";
import { problemFor, refusalCodes } from "../http/problems.ts";
import type { RefusalsOfHour, SessionsNow } from "../metrics/gathered.ts";
import { duration } from "../operator/explain/explanation.ts";
import type { KeyList, KeyStatus } from "../operator/list-keys.ts";
import { countWords, numberWords } from "./format.ts";
import type { Level } from "./parts.tsx";
import { codesOf, sumOf } from "./refusal-counts.ts";

/** All that the overview shows. */
export interface Overview {
  readonly sessions: Result<SessionsNow, Refusal>;
  /** How many sessions there are, whatever is searched for. */
  readonly watching: number | undefined;
  readonly refusals: Result<RefusalsOfHour, Refusal>;
  readonly keys: Result<KeyList, Refusal>;
  readonly now: UnixSeconds;
}

export interface Verdict {
  readonly level: Level;
  /** One line: whether all is well. */
  readonly words: string;
  /** What it rests on, or what to look at first. */
  readonly why: string;
}

/** Something that is not well. */
interface Trouble extends Verdict {
  readonly level: "look" | "bad";
}

/** Refusals of five minutes that are fewer than these are no storm, whatever there were before. */
const storm = 60;

/**
 * Whether all is well, in a line: the worst of what is seen. Refusals that blame ourselves or an origin (5xx) are bad while they go
 * on; those of viewers are the service doing its work, unless they come in a storm.
 */
export function verdictOf({ sessions, refusals, keys, now }: Overview): Verdict {
  const silent = [sessions, refusals, keys].find((part) => !part.ok);
  if (silent !== undefined && !silent.ok)
    return {
      level: "bad",
      words: "Not everything can be seen.",
      why: `${problemFor(silent.refusal.code).title}: ${silent.refusal.reason}.`,
    };
  const troubles = keys.ok ? keyTroubles(keys.value, now) : [];
  const found = [...(refusals.ok ? refusalTroubles(refusals.value) : []), ...troubles];
  const worst = found.find(({ level }) => level === "bad") ?? found[0];
  if (worst !== undefined) return worst;
  const refused = refusals.ok ? sumOf(refusals.value) : 0;
  const why =
    refused === 0
      ? "Nothing was refused in the last hour, and no key needs anything."
      : `Of ${countWords(refused, "refusal")} in the last hour none is for a failure of this service's or of an origin's.`;
  return { level: "well", words: "All is well.", why };
}

function refusalTroubles(refusals: RefusalsOfHour): readonly Trouble[] {
  const troubles: Trouble[] = [];
  const lately = sumOf(refusals, 5, isFailure);
  const inHour = sumOf(refusals, 60, isFailure);
  const codes = failuresOf(refusals).join(", ");
  if (lately > 0)
    troubles.push({
      level: "bad",
      words: `${countWords(lately, "request")} failed in the last five minutes.`,
      why: `Not the viewers' doing: ${codes}.`,
    });
  else if (inHour > 0)
    troubles.push({
      level: "look",
      words: `${countWords(inHour, "request")} failed within the hour, none in the last five minutes.`,
      why: `Not the viewers' doing: ${codes}.`,
    });
  const recent = sumOf(refusals, 5);
  const before = Math.round(((sumOf(refusals) - recent) / Math.max(refusals.minutes.length - 5, 1)) * 5);
  if (recent >= storm && recent > 4 * before)
    troubles.push({
      level: "look",
      words: "Refusals are coming in a storm.",
      why: `${numberWords(recent)} in the last five minutes, mostly ${commonestOf(refusals)}; in any five before ${before < 1 ? "hardly one" : `about ${numberWords(before)}`}.`,
    });
  return troubles;
}

/** The code that most refusals of the last five minutes have. */
function commonestOf({ minutes }: RefusalsOfHour): string {
  const [first] = codesOf({ minutes: minutes.slice(-5), recent: [] });
  return first?.code ?? "";
}

/** Whether a code blames ourselves or an origin. */
function isFailure(code: string): boolean {
  const known = refusalCodes.find((one) => one === code);
  return known !== undefined && problemFor(known).status >= 500;
}

function failuresOf({ minutes }: RefusalsOfHour): readonly string[] {
  const codes = minutes.flatMap(({ counts }) => Object.keys(counts).filter((code) => (counts[code] ?? 0) > 0));
  return [...new Set(codes)].filter(isFailure);
}

/** A key that ends within a week, with nothing to follow it, is somebody's work by day. */
const notice = 7 * 86_400;

/** What is wrong with the keys, or will be soon. */
function keyTroubles({ keys, longestSession }: KeyList, now: UnixSeconds): readonly Trouble[] {
  const signs = (purpose: KeyStatus["purpose"]) =>
    keys.filter((key) => key.purpose === purpose && key.state === "active" && !key.revoked);
  if (signs("session").length === 0)
    return [
      {
        level: "bad",
        words: "No session key signs: nobody can start a stream.",
        why: "Give the workers a key that is active: npx stagedoor keys new --purpose session, then keys for.",
      },
    ];
  return keys.flatMap((key): Trouble[] => {
    const { kid, purpose, ends, state } = key;
    if (state !== "active" || ends === undefined || purpose === "token") return [];
    const left = between(now, ends);
    // A session that is started now would end with its key.
    const least = purpose === "session" ? Math.max(notice, longestSession) : notice;
    const followed = keys.some((other) => other.purpose === purpose && other.state === "next");
    if (left > least || followed) return [];
    const words = `The ${purpose} key ${kid} ends in ${duration(left)}.`;
    const why = `No other ${purpose} key is to follow it: npx stagedoor keys rotate --purpose ${purpose}.`;
    return [{ level: left < longestSession && purpose === "session" ? "bad" : "look", words, why }];
  });
}
