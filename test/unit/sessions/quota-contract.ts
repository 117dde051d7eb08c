import { describe, expect, it } from "vitest";
import { seconds } from "../../../src/base/time.ts";
import { at, claimOf, type StreamsUnderTest } from "./streams-contract.ts";

/** A quota of three starts an hour. */
export const rate = { name: "start-subject", quota: 3, window: seconds(3600) };

/** The contract of the quotas that count starts, for every implementation of a subject's streams. */
export function quotaContract(label: string, open: () => StreamsUnderTest): void {
  let count = 0;
  const subject = () => `${label}-quota-${count++}`;
  function started() {
    const name = subject();
    const implementation = open();
    return { name, implementation, streams: implementation.streamsOf(name) };
  }

  describe(`the start quota of a subject (${label})`, () => {
    it("counts 50 simultaneous claims before any other check, and each answer reports a different remainder", async () => {
      const { streams } = started();
      const claims = Array.from({ length: 50 }, (_, i) => claimOf(`storm${i}`, 0, { rate, limit: 2 }));
      const answers = await Promise.all(claims.map((claim) => streams.claim(claim)));
      const countOf = (status: string) => answers.filter((answer) => answer.status === status).length;
      expect([countOf("granted"), countOf("limited"), countOf("quota_exceeded")]).toEqual([2, 1, 47]);
      const left = answers
        .filter(({ status }) => status !== "quota_exceeded")
        .map(({ standing }) => standing?.remaining);
      expect(left.toSorted()).toEqual([0, 1, 2]);
      const exceeded = { policy: rate, allowed: false, remaining: 0, resetsIn: 3600 };
      expect(answers.at(-1)).toEqual({ status: "quota_exceeded", standing: exceeded });
    });

    it("refuses a claim while it is used up, and allows one after its window", async () => {
      const { streams } = started();
      for (let i = 0; i < 3; i++) expect((await streams.take(rate, at(i))).remaining).toBe(2 - i);
      expect(await streams.claim(claimOf("s0", 3599, { rate, takeover: true }))).toMatchObject({
        status: "quota_exceeded",
      });
      expect(await streams.show("s0", at(3599))).toBeUndefined();
      const standing = { allowed: true, remaining: 2, resetsIn: 3600 };
      expect(await streams.claim(claimOf("s0", 3600, { rate }))).toMatchObject({ status: "granted", standing });
    });

    it("does not count a claim without a policy, and keeps its count after a restart", async () => {
      const { name, implementation, streams } = started();
      await streams.claim(claimOf("s9", 5, { rate, limit: undefined }));
      await streams.take(rate, at(6));
      await implementation.restart(name);
      expect(await streams.claim(claimOf("s9", 7))).toEqual({ status: "granted", taken: [] });
      expect(await streams.take(rate, at(8))).toMatchObject({ allowed: true, remaining: 0, resetsIn: 3597 });
      await implementation.restart(name);
      expect(await streams.take(rate, at(9))).toMatchObject({ allowed: false });
    });

    it("is shared by all names of the subject, and counts nothing twice", async () => {
      const { name, implementation, streams } = started();
      const [second, third] = [subject(), subject()];
      const newer = implementation.streamsOf(second, [name]);
      const newest = implementation.streamsOf(third, [second, name]);
      const big = { ...rate, quota: 10 };
      const left = async (of: typeof streams) => (await of.take(big, at(1))).remaining;
      expect([await left(streams), await left(streams)]).toEqual([9, 8]);
      expect(await left(newer)).toBe(7);
      for (const each of [name, second]) await implementation.restart(each);
      expect([await left(streams), await left(newer)]).toEqual([6, 5]);
      expect([await left(newest), await left(streams), await left(newer), await left(newest)]).toEqual([4, 3, 2, 1]);
      const claim = claimOf("s0", 2, { rate: big });
      expect(await newest.claim(claim)).toMatchObject({ status: "granted", standing: { remaining: 0 } });
      expect(await streams.claim({ ...claim, sessionId: "s1" })).toMatchObject({ status: "quota_exceeded" });
    });
  });
}
