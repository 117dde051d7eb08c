import type { Refusal } from "../base/refusal.ts";
import type { Result } from "../base/result.ts";
import type { UnixSeconds } from "../base/seconds.ts";
import type { KeysNow } from "../flows/operator/keys-now.ts";
import { faceOf, refusalCodes } from "../http/faces.ts";
import type { RefusalsOfHour, SessionsNow } from "../telemetry/gathered.ts";
import { keyTroubles } from "./key-troubles.ts";
import type { Level } from "./marks.tsx";
import { codesOf, sumOf } from "./refusal-counts.ts";
import { countWords, numberWords } from "./words.ts";

/** All that the overview shows. */
export interface Overview {
  readonly sessions: Result<SessionsNow, Refusal>;
  /** How many sessions there are, whatever is searched for. */
  readonly watching: number | undefined;
  readonly refusals: Result<RefusalsOfHour, Refusal>;
  readonly keys: Result<KeysNow, Refusal>;
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
export interface Trouble extends Verdict {
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
      why: `${faceOf(silent.refusal.code).title}: ${silent.refusal.reason}.`,
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
  return known !== undefined && faceOf(known).status >= 500;
}

function failuresOf({ minutes }: RefusalsOfHour): readonly string[] {
  const codes = minutes.flatMap(({ counts }) => Object.keys(counts).filter((code) => (counts[code] ?? 0) > 0));
  return [...new Set(codes)].filter(isFailure);
}
