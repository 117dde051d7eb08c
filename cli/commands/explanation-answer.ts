import type { UnixSeconds } from "../../src/base/seconds.ts";
import type { Explanation, Step } from "../../src/flows/explain/explanation.ts";
import { explanationJson, troubleshootingOf } from "../../src/http/explanation-json.ts";
import { faceOf } from "../../src/http/faces.ts";
import { coloured } from "./colours.ts";
import type { Answered } from "./outcome.ts";

const verdictWords = {
  served: "Served",
  renewed: "Renewed by redirect",
  accepted: "Accepted",
  refused: "Refused",
} as const satisfies Record<Explanation["verdict"], string>;

/** An explanation for people and for programs; it ends the command with 1 where it is of a refusal. */
export function answer(explanation: Explanation, now: UnixSeconds): Answered {
  const { verdict, refusal, grants, steps } = explanation;
  const problem = refusal === undefined ? undefined : { ...refusal, ...faceOf(refusal.code) };
  const json = explanationJson(explanation, now);
  const outcome =
    problem === undefined
      ? `${coloured("green", `${verdictWords[verdict]}:`)} ${grants}.`
      : `${coloured("red", `${verdictWords[verdict]}:`)} ${problem.code} (${problem.status}). ${problem.title}.
  Why         ${problem.reason}
  What to do  ${problem.detail}
  More        ${troubleshootingOf(problem.code)}`;
  const exit = verdict === "refused" ? 1 : 0;
  return { exit, text: `${steps.map(line).join("\n")}\n\n${outcome}`, json };
}

const marks = { holds: ["green", "ok"], fails: ["red", "NO"], told: ["gray", "--"] } as const;

function line({ part, state, text }: Step): string {
  const [colour, mark] = marks[state];
  return `${coloured(colour, mark)}  ${part.padEnd(12)}  ${text}`;
}
