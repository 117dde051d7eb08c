import type { Reporter, TestModule } from "vitest/node";
import type { NoiseGate } from "./noise.ts";

/**
 * Prints the counts of a run as its last line, for programs that read a log: `12 passed, 0 failed, 1 skipped`. A run in which
 * nothing fails, but which printed an unexpected line, counts that as a failure. So does a run of all of workerd's files in
 * which an expected line is missing: then the list of expected noise is out of date.
 */
export class ClosingLine implements Reporter {
  readonly #gate: NoiseGate;
  /** How many files the project `workerd` has. */
  readonly #workerdFiles: number;

  constructor(gate: NoiseGate, workerdFiles: number) {
    this.#gate = gate;
    this.#workerdFiles = workerdFiles;
  }

  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const counts = { passed: 0, failed: errors.length, skipped: 0, pending: 0 };
    for (const module of modules) {
      counts.failed += module.errors().length;
      for (const test of module.children.allTests()) counts[test.result().state]++;
    }
    if (counts.failed === 0) counts.failed = this.#noise(modules);
    const skipped = counts.skipped + counts.pending;
    process.stdout.write(`${counts.passed} passed, ${counts.failed} failed, ${skipped} skipped\n`);
  }

  /** How many faults there are in what was printed; tells of each. Where a test fails, its report is on standard error too. */
  #noise(modules: readonly TestModule[]): number {
    const { unexpected, missing } = this.#gate;
    const all = modules.filter(({ project }) => project.name === "workerd").length >= this.#workerdFiles;
    const faults = [
      ...unexpected.map((text) => `Nobody expects this line (test/run/noise.ts): ${text.trimEnd()}`),
      ...(all ? missing.map(({ looks }) => `Expected, and never printed (test/run/noise.ts): ${looks.source}`) : []),
    ];
    for (const fault of faults) process.stdout.write(`${fault}\n`);
    if (faults.length > 0) process.exitCode = 1;
    return faults.length;
  }
}
