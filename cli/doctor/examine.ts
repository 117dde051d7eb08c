import type { Check, Examined } from "./finding.ts";

/** Does the checks one after the other; `onCheck` is told of each before it begins. */
export async function examine<Facts>(
  checks: readonly Check<Facts>[],
  facts: Facts,
  onCheck: (name: string) => void = () => undefined,
): Promise<Examined[]> {
  const done: Examined[] = [];
  for (const { name, held, run } of checks) {
    onCheck(name);
    done.push({ name, held, findings: await run(facts) });
  }
  return done;
}
