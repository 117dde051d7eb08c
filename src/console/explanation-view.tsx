import type { Refusal, Result } from "../base/result.ts";
import { problemFor } from "../http/problems.ts";
import type { Explanation, Step } from "../operator/explain/explanation.ts";
import { Code, StatusIcon } from "./parts.tsx";

/** An explanation, or why there is none. */
export function ExplanationResult({ result }: { readonly result: Result<Explanation, Refusal> }) {
  if (result.ok) return <ExplanationView explanation={result.value} />;
  const { code, reason } = result.refusal;
  return (
    <div class="note error">
      <p>
        <strong>No explanation is possible.</strong> {problemFor(code).title}: {reason}.
      </p>
    </div>
  );
}

/** Shown instead of an explanation if the form has errors. */
export function InvalidForm() {
  return (
    <p class="note error">
      <strong>Nothing was sent.</strong> Fix the errors in the form.
    </p>
  );
}

const statusIcons: Readonly<Record<Step["state"], { readonly icon: string; readonly label: string }>> = {
  pass: { icon: "✓", label: "passed" },
  fail: { icon: "✗", label: "failed" },
  info: { icon: "·", label: "information" },
};

/** The verdict, what to do about it, and every step. */
function ExplanationView({ explanation }: { readonly explanation: Explanation }) {
  const { verdict, refusal, grants, steps } = explanation;
  const problem = refusal === undefined ? undefined : problemFor(refusal.code);
  const level = refusal === undefined ? "ok" : "error";
  return (
    <>
      <p class={`outcome ${level}`}>
        <StatusIcon level={level} />
        {problem === undefined ? capitalized(verdict) : `Refused: ${problem.title}`}
      </p>
      {grants === undefined ? null : (
        <p>
          <strong>Grants</strong> {grants}.
        </p>
      )}
      {refusal === undefined || problem === undefined ? null : (
        <>
          <p>
            <strong>Cause:</strong> {refusal.reason}.
          </p>
          <p>
            <strong>Message to the client:</strong> {problem.status} <Code code={refusal.code} />: {problem.detail}
          </p>
        </>
      )}
      <h2>Step by step</h2>
      <ol class="steps">
        {steps.map(({ part, state, text, code }) => (
          <li class={state}>
            <span class="mark" aria-hidden="true">
              {statusIcons[state].icon}
            </span>
            <span class="part">
              {part}
              <span class="hidden">, {statusIcons[state].label}</span>
            </span>
            <span class="text">
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

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
