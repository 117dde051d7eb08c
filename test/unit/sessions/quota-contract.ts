import { describe, expect, it } from "vitest";
import { seconds } from "../../../src/base/time.ts";
import { at, claimOf, type StreamsUnderTest } from "./streams-contract.ts";

/** A quota of three starts an hour. */
export const rate = { name: "start-subject", quota: 3, window: seconds(3600) };

/** What the streams of subjects promise of the quota that starts are counted by, whoever implements them. */
export function quotaContract(name: string, open: () => StreamsUnderTest): void {
  let made = 0;
  const subject = () => `${name}-quota-${made++}`;
  function started() {
    const own = subject();
    const under = open();
    return { own, under, streams: under.streamsOf(own) };
  }

  describe(`${name}, as the quotas of subjects`, () => {
    it("counts claims by a quota before anything else, as many as come at once, and each answer tells another one left", async () => {
      const { streams } = started();
      const claims = Array.from({ length: 50 }, (_, i) => claimOf(`storm${i}`, 0, { rate, limit: 2 }));
      const answers = await Promise.all(claims.map((claim) => streams.claim(claim)));
      const count = (status: string) => answers.filter((answer) => answer.status === status).length;
      expect([count("granted"), count("limited"), count("quota_exceeded")]).toEqual([2, 1, 47]);
      const left = answers
        .filter(({ status }) => status !== "quota_exceeded")
        .map(({ standing }) => standing?.remaining);
      expect(left.toSorted()).toEqual([0, 1, 2]);
      const over = { policy: rate, allowed: false, remaining: 0, resetsIn: 3600 };
      expect(answers.at(-1)).toEqual({ status: "quota_exceeded", standing: over });
    });

    it("claims nothing where the quota is used up, and is asked again when its window is over", async () => {
      const { streams } = started();
      for (let i = 0; i < 3; i++) expect((await streams.take(rate, at(i))).remaining).toBe(2 - i);
      expect(await streams.claim(claimOf("s0", 3599, { rate, takeover: true }))).toMatchObject({
        status: "quota_exceeded",
      });
      expect(await streams.show("s0", at(3599))).toBeUndefined();
      const standing = { allowed: true, remaining: 2, resetsIn: 3600 };
      expect(await streams.claim(claimOf("s0", 3600, { rate }))).toMatchObject({ status: "granted", standing });
    });

    it("counts no claim without a quota, and gives no fresh quota after a restart", async () => {
      const { own, under, streams } = started();
      await streams.claim(claimOf("s9", 5, { rate, limit: undefined }));
      await streams.take(rate, at(6));
      await under.restart(own);
      expect(await streams.claim(claimOf("s9", 7))).toEqual({ status: "granted", taken: [] });
      expect(await streams.take(rate, at(8))).toMatchObject({ allowed: true, remaining: 0, resetsIn: 3597 });
      await under.restart(own);
      expect(await streams.take(rate, at(9))).toMatchObject({ allowed: false });
    });

    it("gives no fresh quota, whichever of the names is asked, and counts nothing twice", async () => {
      const { own, under, streams } = started();
      const [second, third] = [subject(), subject()];
      const newer = under.streamsOf(second, [own]);
      const newest = under.streamsOf(third, [second, own]);
      const big = { ...rate, quota: 10 };
      const left = async (asked: typeof streams) => (await asked.take(big, at(1))).remaining;
      expect([await left(streams), await left(streams)]).toEqual([9, 8]);
      expect(await left(newer)).toBe(7);
      for (const name of [own, second]) await under.restart(name);
      expect([await left(streams), await left(newer)]).toEqual([6, 5]);
      expect([await left(newest), await left(streams), await left(newer), await left(newest)]).toEqual([4, 3, 2, 1]);
      const claim = claimOf("s0", 2, { rate: big });
      expect(await newest.claim(claim)).toMatchObject({ status: "granted", standing: { remaining: 0 } });
      expect(await streams.claim({ ...claim, sessionId: "s1" })).toMatchObject({ status: "quota_exceeded" });
    });
  });
}
