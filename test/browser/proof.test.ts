import { describe, expect, it } from "vitest";
import { shortfallsOf } from "../../proof/report.ts";
import { runProof } from "../../proof/run-proof.ts";

describe("the short proof in real players", () => {
  it("plays every scenario, without anything that a viewer would notice", { timeout: 900_000 }, async () => {
    const report = await runProof({ deployment: "workers", short: true, only: [], jobs: 8, log: () => undefined });
    const failed = report.judged
      .filter(({ shortfalls }) => shortfalls.length > 0)
      .map(({ result, shortfalls }) => `${result.scenario} ${result.asset} ${result.player}: ${shortfalls.join("; ")}`);
    expect(failed).toEqual([]);
    expect(shortfallsOf(report)).toBe(0);
    const played = new Set(report.judged.map(({ result }) => result.scenario));
    expect([...played].toSorted()).toEqual(report.scenarios.map(({ name }) => name).toSorted());
  });
});
