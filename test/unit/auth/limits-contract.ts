import { describe, expect, it } from "vitest";
import type { RateLimits, RatePolicy } from "../../../src/auth/rate-limit.ts";
import { seconds, type UnixSeconds, unixSeconds } from "../../../src/base/time.ts";

export const anHour: RatePolicy = { name: "start-subject", quota: 3, window: seconds(3600) };

const start = 2_000_000_000;
export const at = (second: number): UnixSeconds => unixSeconds(start + second);

/** The port's contract, for every implementation. `restart` forgets everything about a name that was not written down. */
export function limitsContract(
  name: string,
  limits: RateLimits,
  restart: (policy: RatePolicy, name: string) => Promise<void>,
): void {
  let made = 0;
  const ann = () => `${name}-${made++}`;
  const taking = (who: string, policy: Partial<RatePolicy> = {}) => {
    const all = { ...anHour, ...policy };
    return async (second: number, more: Partial<RatePolicy> = {}) => {
      const { allowed, remaining, resetsIn } = await limits.take({ ...all, ...more }, who, at(second));
      return [allowed ? "in" : "out", remaining, resetsIn];
    };
  };

  describe(`${name}, as rate limits`, () => {
    it("lets in as many as the quota says, and says how many are left and for how long", async () => {
      const take = taking(ann());
      expect([await take(0), await take(1), await take(60), await take(61), await take(3599)]).toEqual([
        ["in", 2, 3600],
        ["in", 1, 3599],
        ["in", 0, 3540],
        ["out", 0, 3539],
        ["out", 0, 1],
      ]);
    });

    it("begins a new window with the first request after the end of the last one, and not before", async () => {
      const take = taking(ann(), { quota: 1 });
      expect([await take(100), await take(3699), await take(3700), await take(3701)]).toEqual([
        ["in", 0, 3600],
        ["out", 0, 1],
        ["in", 0, 3600],
        ["out", 0, 3599],
      ]);
    });

    it("lets exactly the quota in of a storm that comes all at once", async () => {
      const [who, policy] = [ann(), { ...anHour, quota: 1000 }];
      const answers = await Promise.all(Array.from({ length: 1500 }, () => limits.take(policy, who, at(0))));
      const inside = answers.filter(({ allowed }) => allowed).map(({ remaining }) => remaining);
      expect(inside.toSorted((a, b) => b - a)).toEqual(Array.from({ length: 1000 }, (_, i) => 999 - i));
      expect(answers.filter(({ allowed }) => !allowed)).toHaveLength(500);
    });

    it("tells which policy it was that counted", async () => {
      const policy = { name: "sign-in-address", quota: 2, window: seconds(60) };
      expect((await limits.take(policy, ann(), at(0))).policy).toEqual(policy);
    });

    it("counts each name, and each policy of a name, by itself", async () => {
      const [one, other] = [ann(), ann()];
      const full = { ...anHour, quota: 1 };
      await limits.take(full, one, at(0));
      expect(await limits.take(full, one, at(0))).toMatchObject({ allowed: false });
      expect(await limits.take(full, other, at(0))).toMatchObject({ allowed: true });
      expect(await limits.take({ ...full, name: "other" }, one, at(0))).toMatchObject({ allowed: true });
    });

    it("gives no fresh quota after a restart", async () => {
      const who = ann();
      const take = taking(who);
      const answers: unknown[] = [];
      for (let second = 0; second < 5; second++) {
        answers.push(await take(second));
        await restart(anHour, who);
      }
      expect(answers).toEqual([
        ["in", 2, 3600],
        ["in", 1, 3599],
        ["in", 0, 3598],
        ["out", 0, 3597],
        ["out", 0, 3596],
      ]);
    });

    it("takes a policy that was changed as it is now", async () => {
      const take = taking(ann());
      await take(0);
      await take(0);
      expect(await take(1, { quota: 1 })).toEqual(["out", 0, 3599]);
      expect(await take(1, { quota: 5 })).toEqual(["in", 2, 3599]);
      expect(await take(60, { window: seconds(60) })).toEqual(["in", 2, 60]);
    });

    it("gives nobody a quota more for a clock that is behind, and shuts nobody out for one that was ahead", async () => {
      const take = taking(ann(), { quota: 1 });
      await take(5);
      expect(await take(0)).toEqual(["out", 0, 3600]);
      expect(await take(3600)).toEqual(["in", 0, 3600]);
      const far = taking(ann(), { quota: 1 });
      await far(1_000_000);
      expect(await far(0)).toEqual(["out", 0, 3600]);
      expect(await far(3600)).toEqual(["in", 0, 3600]);
    });
  });
}
