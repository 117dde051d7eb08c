import { describe, expect, it } from "vitest";
import { rememberSpent } from "../../../src/auth/rate-limit.ts";
import { memoryLimits } from "../../support/memory-stores.ts";
import { anHour, at, limitsContract } from "./limits-contract.ts";

limitsContract("remembered", rememberSpent(memoryLimits()), async () => undefined);

/** A quota of one, and who was asked about it. */
function remembered() {
  const counter = memoryLimits();
  const asked: string[] = [];
  const limits = rememberSpent({
    take: (policy, name, now) => {
      asked.push(`${policy.name} ${name}`);
      return counter.take(policy, name, now);
    },
  });
  const policy = { ...anHour, quota: 1 };
  return { limits, policy, asked };
}

describe("a quota that is used up", () => {
  it("is known from the first refusal until its window ends, without a further question", async () => {
    const { limits, policy, asked } = remembered();
    await limits.take(policy, "ann", at(0));
    expect(limits.spent(policy, "ann", at(1))).toBeUndefined();
    expect(await limits.take(policy, "ann", at(1))).toMatchObject({ allowed: false, resetsIn: 3599 });
    expect(limits.spent(policy, "ann", at(3599))).toEqual({ policy, allowed: false, remaining: 0, resetsIn: 1 });
    expect(await limits.take(policy, "ann", at(3599))).toMatchObject({ allowed: false, remaining: 0, resetsIn: 1 });
    expect(asked).toHaveLength(2);
    expect(limits.spent(policy, "ann", at(3600))).toBeUndefined();
    expect(await limits.take(policy, "ann", at(3600))).toMatchObject({ allowed: true });
  });

  it("is that of one name under one policy", async () => {
    const { limits, policy } = remembered();
    for (const second of [0, 1]) await limits.take(policy, "ann", at(second));
    const other = { ...policy, name: "start-address" };
    expect([limits.spent(policy, "bob", at(2)), limits.spent(other, "ann", at(2))]).toEqual([undefined, undefined]);
    expect(await limits.take(policy, "bob", at(2))).toMatchObject({ allowed: true });
  });

  it("is asked for again where a thousand others were used up since", async () => {
    const { limits, policy, asked } = remembered();
    for (let i = 0; i <= 1000; i++) for (const second of [0, 1]) await limits.take(policy, `${i}`, at(second));
    const before = asked.length;
    expect(await limits.take(policy, "1", at(2))).toMatchObject({ allowed: false });
    expect(asked).toHaveLength(before);
    expect(await limits.take(policy, "0", at(2))).toMatchObject({ allowed: false });
    expect(asked).toHaveLength(before + 1);
  });

  it("is not made up where the counter fails", async () => {
    const limits = rememberSpent({ take: () => Promise.reject(new Error("down")) });
    await expect(limits.take(anHour, "ann", at(0))).rejects.toThrow("down");
    expect(limits.spent(anHour, "ann", at(0))).toBeUndefined();
  });
});
