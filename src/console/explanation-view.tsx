import type { Refusal, Result } from "../base/result.ts";
import { problemFor } from "../http/problems.ts";
import type { Explanation, Step } from "../operator/explain/explanation.ts";
import { Code, Mark } from "./parts.tsx";

/** An explanation, or why there is none. */
export function Explained({ explained }: { readonly explained: Result<Explanation, Refusal> }) {
  if (explained.ok) return <ExplanationView explanation={explained.value} />;
  const { code, reason } = explained.refusal;
  return (
    <div class="note bad">
      <p>
        <strong>This cannot be answered.</strong> {problemFor(code).title}: {reason}.
      </p>
    </div>
  );
}

/** In the place of an answer where a field has to be mended first. */
export function NotAsked() {
  return (
    <p class="note bad">
      <strong>Nothing was asked.</strong> Mend what is marked in the form.
    </p>
  );
}

const marks: Readonly<Record<Step["state"], { readonly sign: string; readonly words: string }>> = {
  pass: { sign: "✓", words: "passed" },
  fail: { sign: "✗", words: "failed" },
  info: { sign: "·", words: "information" },
};

/** What a URL or a token grants, or what a start would be answered: the answer, what to do, and every step to it. */
function ExplanationView({ explanation }: { readonly explanation: Explanation }) {
  const { verdict, refusal, grants, steps } = explanation;
  const problem = refusal === undefined ? undefined : problemFor(refusal.code);
  return (
    <>
      <p class={`outcome ${refusal === undefined ? "well" : "bad"}`}>
        <Mark level={refusal === undefined ? "well" : "bad"} />
        {problem === undefined ? capital(verdict) : `Refused: ${problem.title}`}
      </p>
      {grants === undefined ? null : (
        <p>
          <strong>Grants</strong> {grants}.
        </p>
      )}
      {refusal === undefined || problem === undefined ? null : (
        <>
          <p>
            <strong>Why.</strong> {capital(refusal.reason)}.
          </p>
          <p>
            <strong>What the client is told.</strong> {problem.status} <Code code={refusal.code} />: {problem.detail}
          </p>
        </>
      )}
      <h2>Step by step</h2>
      <ol class="steps">
        {steps.map(({ part, state, text, code }) => (
          <li class={state}>
            <span class="mark" aria-hidden="true">
              {marks[state].sign}
            </span>
            <span class="part">
              {part}
              <span class="hidden">, {marks[state].words}</span>
            </span>
            <span class="said">
              {text}
              {code === undefined ? null : " "}
              {code === undefined ? null : <Code code={code} />}
            </span>
          </li>
        ))}
      </ol>
    </>
  );
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
