import type { RefusalCode } from "../base/refusal.ts";
import { rfc3339, type UnixSeconds } from "../base/seconds.ts";
import type { Explanation } from "../flows/explain/explanation.ts";
import { faceOf } from "./faces.ts";

/** An explanation for programs, as the API and the command line give it. `code` is null where nothing is refused. */
export function explanationJson({ kind, verdict, refusal, grants, steps }: Explanation, now: UnixSeconds) {
  const problem = refusal === undefined ? undefined : { ...refusal, ...faceOf(refusal.code) };
  return {
    kind,
    verdict,
    code: problem?.code ?? null,
    at: rfc3339(now),
    ...(grants === undefined ? {} : { grants }),
    ...(problem === undefined ? {} : { status: problem.status, title: problem.title }),
    ...(problem === undefined ? {} : { reason: problem.reason, detail: problem.detail }),
    ...(problem === undefined ? {} : { help: troubleshootingOf(problem.code) }),
    steps: steps.map(({ part, state, text, code }) => ({ part, state, text, ...(code === undefined ? {} : { code }) })),
  };
}

/** Where a refusal's usual causes stand, seen from the project's root. */
export function troubleshootingOf(code: RefusalCode): string {
  return `docs/troubleshooting.md#${code}`;
}
