import { describe, expect, it } from "vitest";
import { rememberSpent } from "../../../src/auth/rate-limit.ts";
import { memoryLimits } from "../../support/memory-stores.ts";
import { at, hourly, limitsContract } from "./limits-contract.ts";

limitsContract("remembered", rememberSpent(memoryLimits()), async () => undefined);

/** A quota of one request, and the calls that reached the counter. */
function remembered() {
  const counter = memoryLimits();
  const calls: string[] = [];
  const limits = rememberSpent({
    take: (policy, name, now) => {
      calls.push(`${policy.name} ${name}`);
      return counter.take(policy, name, now);
    },
  });
  const policy = { ...hourly, quota: 1 };
  return { limits, policy, calls };
}

describe("a used-up quota", () => {
  it("is remembered from the first refusal to the end of its window, without another call to the counter", async () => {
    const { limits, policy, calls } = remembered();
    await limits.take(policy, "ann", at(0));
    expect(limits.spent(policy, "ann", at(1))).toBeUndefined();
    expect(await limits.take(policy, "ann", at(1))).toMatchObject({ allowed: false, resetsIn: 3599 });
    expect(limits.spent(policy, "ann", at(3599))).toEqual({ policy, allowed: false, remaining: 0, resetsIn: 1 });
    expect(await limits.take(policy, "ann", at(3599))).toMatchObject({ allowed: false, remaining: 0, resetsIn: 1 });
    expect(calls).toHaveLength(2);
    expect(limits.spent(policy, "ann", at(3600))).toBeUndefined();
    expect(await limits.take(policy, "ann", at(3600))).toMatchObject({ allowed: true });
  });

  it("applies to one name under one policy", async () => {
    const { limits, policy } = remembered();
    for (const second of [0, 1]) await limits.take(policy, "ann", at(second));
    const other = { ...policy, name: "start-address" };
    expect([limits.spent(policy, "bob", at(2)), limits.spent(other, "ann", at(2))]).toEqual([undefined, undefined]);
    expect(await limits.take(policy, "bob", at(2))).toMatchObject({ allowed: true });
  });

  it("is forgotten after a thousand other quotas were used up", async () => {
    const { limits, policy, calls } = remembered();
    for (let i = 0; i <= 1000; i++) for (const second of [0, 1]) await limits.take(policy, `${i}`, at(second));
    const before = calls.length;
    expect(await limits.take(policy, "1", at(2))).toMatchObject({ allowed: false });
    expect(calls).toHaveLength(before);
    expect(await limits.take(policy, "0", at(2))).toMatchObject({ allowed: false });
    expect(calls).toHaveLength(before + 1);
  });

  it("is not assumed if the counter fails", async () => {
    const limits = rememberSpent({ take: () => Promise.reject(new Error("down")) });
    await expect(limits.take(hourly, "ann", at(0))).rejects.toThrow("down");
    expect(limits.spent(hourly, "ann", at(0))).toBeUndefined();
  });
});
