import { stripVTControlCharacters } from "node:util";
import type { Reporter, TestCase, TestModule } from "vitest/node";
import type { NoiseGate } from "./noise.ts";

/**
 * Prints the counts of a run as its last line, for programs that read the log: `12 passed, 0 failed, 1 skipped`. Before
 * that it names what this machine could not test, and repeats failures, one line each, or unexpected output of standard
 * error, so that a long log ends with them.
 */
export class ClosingLine implements Reporter {
  readonly #gate: NoiseGate;

  constructor(gate: NoiseGate) {
    this.#gate = gate;
  }

  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const counts = { passed: 0, failed: errors.length, skipped: 0, pending: 0 };
    for (const module of modules) {
      counts.failed += module.errors().length;
      for (const error of module.errors()) printFailure(module.moduleId, error);
      for (const test of module.children.allTests()) {
        counts[test.result().state]++;
        for (const error of test.result().errors ?? []) printFailure(nameOf(test), error);
      }
    }
    for (const error of errors) printFailure("outside of a test", error);
    printNotes(modules);
    if (counts.failed === 0) this.#repeatNoise();
    const skipped = counts.skipped + counts.pending;
    process.stdout.write(`${counts.passed} passed, ${counts.failed} failed, ${skipped} skipped\n`);
  }

  /** Not called after a failed test: its report is on standard error too. */
  #repeatNoise(): void {
    for (const text of new Set(this.#gate.unexpected))
      process.stdout.write(`Not expected (test/run/noise.ts): ${text.trimEnd()}\n`);
  }
}

/** What was skipped because of this machine, and how to change that: the reasons that tests gave. */
function printNotes(modules: readonly TestModule[]): void {
  const results = modules.flatMap((module) => [...module.children.allTests()].map((test) => test.result()));
  const notes = results.flatMap((result) => (result.state === "skipped" ? (result.note ?? []) : []));
  for (const note of new Set(notes)) process.stdout.write(`Skipped: ${note}\n`);
}

function nameOf({ project, module, fullName }: TestCase): string {
  return `${project.name} ${module.relativeModuleId} > ${fullName}`;
}

/** `.ci/run` repeats these lines at its end. */
function printFailure(where: string, error: unknown): void {
  const { message } = Object(error);
  const text = stripVTControlCharacters(String(message ?? error)).replaceAll(/\s+/g, " ");
  process.stdout.write(`Failed: ${where}: ${text.slice(0, 500)}\n`);
}
