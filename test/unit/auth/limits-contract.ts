import { describe, expect, it } from "vitest";
import type { RateLimits, RatePolicy } from "../../../src/auth/rate-limit.ts";
import { seconds, type UnixSeconds, unixSeconds } from "../../../src/base/time.ts";

export const hourly: RatePolicy = { name: "start-subject", quota: 3, window: seconds(3600) };

const start = 2_000_000_000;
export const at = (second: number): UnixSeconds => unixSeconds(start + second);

/** The port's contract, for every implementation. `restart` discards everything about a name that is not in storage. */
export function limitsContract(
  implementation: string,
  limits: RateLimits,
  restart: (policy: RatePolicy, name: string) => Promise<void>,
): void {
  let count = 0;
  const newName = () => `${implementation}-${count++}`;
  const takerFor = (name: string, policy: Partial<RatePolicy> = {}) => {
    const all = { ...hourly, ...policy };
    return async (second: number, more: Partial<RatePolicy> = {}) => {
      const { allowed, remaining, resetsIn } = await limits.take({ ...all, ...more }, name, at(second));
      return [allowed ? "allowed" : "refused", remaining, resetsIn];
    };
  };

  describe(`rate limits (${implementation})`, () => {
    it("allow as many requests as the quota, and report how many are left and for how long", async () => {
      const take = takerFor(newName());
      expect([await take(0), await take(1), await take(60), await take(61), await take(3599)]).toEqual([
        ["allowed", 2, 3600],
        ["allowed", 1, 3599],
        ["allowed", 0, 3540],
        ["refused", 0, 3539],
        ["refused", 0, 1],
      ]);
    });

    it("start a new window with the first request after the last window ends, and not before", async () => {
      const take = takerFor(newName(), { quota: 1 });
      expect([await take(100), await take(3699), await take(3700), await take(3701)]).toEqual([
        ["allowed", 0, 3600],
        ["refused", 0, 1],
        ["allowed", 0, 3600],
        ["refused", 0, 3599],
      ]);
    });

    it("allow exactly the quota of 1,500 simultaneous requests", async () => {
      const [name, policy] = [newName(), { ...hourly, quota: 1000 }];
      const answers = await Promise.all(Array.from({ length: 1500 }, () => limits.take(policy, name, at(0))));
      const left = answers.filter(({ allowed }) => allowed).map(({ remaining }) => remaining);
      expect(left.toSorted((a, b) => b - a)).toEqual(Array.from({ length: 1000 }, (_, i) => 999 - i));
      expect(answers.filter(({ allowed }) => !allowed)).toHaveLength(500);
    });

    it("report the policy that counted a request", async () => {
      const policy = { name: "sign-in-address", quota: 2, window: seconds(60) };
      expect((await limits.take(policy, newName(), at(0))).policy).toEqual(policy);
    });

    it("count each name and each policy separately", async () => {
      const [one, other] = [newName(), newName()];
      const full = { ...hourly, quota: 1 };
      await limits.take(full, one, at(0));
      expect(await limits.take(full, one, at(0))).toMatchObject({ allowed: false });
      expect(await limits.take(full, other, at(0))).toMatchObject({ allowed: true });
      expect(await limits.take({ ...full, name: "other" }, one, at(0))).toMatchObject({ allowed: true });
    });

    it("keep their count after a restart", async () => {
      const name = newName();
      const take = takerFor(name);
      const answers: unknown[] = [];
      for (let second = 0; second < 5; second++) {
        answers.push(await take(second));
        await restart(hourly, name);
      }
      expect(answers).toEqual([
        ["allowed", 2, 3600],
        ["allowed", 1, 3599],
        ["allowed", 0, 3598],
        ["refused", 0, 3597],
        ["refused", 0, 3596],
      ]);
    });

    it("apply a changed policy at once", async () => {
      const take = takerFor(newName());
      await take(0);
      await take(0);
      expect(await take(1, { quota: 1 })).toEqual(["refused", 0, 3599]);
      expect(await take(1, { quota: 5 })).toEqual(["allowed", 2, 3599]);
      expect(await take(60, { window: seconds(60) })).toEqual(["allowed", 2, 60]);
    });

    it("grant no extra quota when a clock is slow, and lock nobody out after a clock was fast", async () => {
      const take = takerFor(newName(), { quota: 1 });
      await take(5);
      expect(await take(0)).toEqual(["refused", 0, 3600]);
      expect(await take(3600)).toEqual(["allowed", 0, 3600]);
      const far = takerFor(newName(), { quota: 1 });
      await far(1_000_000);
      expect(await far(0)).toEqual(["refused", 0, 3600]);
      expect(await far(3600)).toEqual(["allowed", 0, 3600]);
    });
  });
}
