import type { UnixSeconds } from "../../src/base/time.ts";
import { problemFor } from "../../src/http/problems.ts";
import type { Explanation, Step } from "../../src/operator/explain/explanation.ts";
import { explanationJson, troubleshootingPath } from "../../src/operator/operator-json.ts";
import type { Completed } from "./command.ts";
import type { ClaimMismatch } from "./issuers.ts";
import { coloured } from "./text.ts";

const verdictNames = {
  served: "Served",
  renewed: "Renewed by redirect",
  accepted: "Accepted",
  refused: "Refused",
} as const satisfies Record<Explanation["verdict"], string>;

/** The outcome of a command that explains something: exit code 1 for a refusal. `mismatch` is shown for an invalid token. */
export function explained(explanation: Explanation, now: UnixSeconds, mismatch?: ClaimMismatch): Completed {
  const { verdict, refusal, grants, steps } = explanation;
  const problem = refusal === undefined ? undefined : { ...refusal, ...problemFor(refusal.code) };
  const cause = refusal?.code === "token_invalid" ? mismatch : undefined;
  const json = { ...explanationJson(explanation, now), ...(cause !== undefined && { mismatch: cause }) };
  const values =
    cause === undefined
      ? ""
      : `\n  Expected    ${cause.claim} ${cause.expected}\n  Found       ${cause.claim} ${cause.found}`;
  const outcome =
    problem === undefined
      ? `${coloured("green", `${verdictNames[verdict]}:`)} ${grants}.`
      : `${coloured("red", `${verdictNames[verdict]}:`)} ${problem.code} (${problem.status}). ${problem.title}.
  Why         ${problem.reason}${values}
  What to do  ${problem.detail}
  More        ${troubleshootingPath(problem.code)}`;
  const exit = verdict === "refused" ? 1 : 0;
  return { exit, text: `${steps.map(line).join("\n")}\n\n${outcome}`, json };
}

const statusIcons = { pass: ["green", "ok"], fail: ["red", "NO"], info: ["gray", "--"] } as const;

function line({ part, state, text }: Step): string {
  const [colour, icon] = statusIcons[state];
  return `${coloured(colour, icon)}  ${part.padEnd(12)}  ${text}`;
}
