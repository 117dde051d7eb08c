import { describe, expect, it } from "vitest";
import { milliseconds, unixMilliseconds } from "../../../src/base/time.ts";
import { stage } from "./revocation-stage.ts";

describe("where the revocation log does not answer", () => {
  it("refuses, once the answer took too long", async () => {
    const on = stage();
    on.way.is = "silent";
    const answer = on.current();
    await on.time.pass(2_000);
    expect(await answer).toBe("store_unavailable");
    expect(on.failures).toMatchObject([{ code: "store_unavailable" }]);
  });

  it("refuses at once where it fails at once", async () => {
    const on = stage();
    on.way.is = "failing";
    expect(await on.current()).toBe("store_unavailable");
    expect(on.failures).toMatchObject([{ reason: expect.stringContaining("no network") }]);
  });

  it("goes on with what is known up to its greatest age, and says that a refresh failed", async () => {
    const on = stage();
    await on.revoke("a");
    await on.current();
    on.way.is = "failing";
    await on.time.pass(1_500);
    expect(on.atHand()).toEqual(["a"]);
    await Promise.all(on.behind);
    expect(on.failures).toHaveLength(1);
    expect(on.atHand()).toEqual(["a"]);
    expect(on.asked).toHaveLength(2);
    await on.time.pass(500);
    expect(on.atHand()).toBeUndefined();
    expect(await on.current()).toBe("store_unavailable");
  });

  it("goes on with what was known last where it is to fail open, and says so", async () => {
    const on = stage({ failure: "open" });
    await on.revoke("a");
    await on.current();
    on.way.is = "failing";
    await on.time.pass(600_000);
    expect(on.atHand()).toBeUndefined();
    expect(await on.current()).toEqual(["a"]);
    expect(on.atHand()).toEqual(["a"]);
    expect(on.failures).toHaveLength(1);
  });

  it("lets everybody in where it is to fail open and never knew anything", async () => {
    const on = stage({ failure: "open" });
    on.way.is = "failing";
    expect(await on.current()).toEqual([]);
    expect(on.failures).toHaveLength(1);
  });

  it.each(["closed", "open"] as const)(
    "lets one request a time find out, and none of the others wait (%s)",
    async (failure) => {
      const on = stage({ failure });
      const given = failure === "open" ? [] : "store_unavailable";
      on.way.is = "silent";
      const first = on.current();
      await on.time.pass(2_000);
      expect(await first).toEqual(given);
      for (let round = 0; round < 5; round++) {
        expect(await on.current()).toEqual(given); // no time passes: it does not wait
        await on.time.pass(1_000);
        const probe = on.current();
        for (let i = 0; i < 4; i++) {
          expect(await on.current()).toEqual(given);
          await on.time.pass(500);
        }
        expect(await probe).toEqual(given);
        expect(on.asked).toHaveLength(2 + round);
      }
    },
  );

  it("is well again with the first answer", async () => {
    const on = stage();
    on.way.is = "failing";
    await on.current();
    on.way.is = "up";
    expect(await on.current()).toBe("store_unavailable");
    await on.time.pass(1_000);
    expect(await on.current()).toEqual([]);
    expect(on.atHand()).toEqual([]);
  });

  it("has all ask that come after a silence, since the failure is long ago", async () => {
    const on = stage();
    on.way.is = "failing";
    await on.current();
    on.way.is = "up";
    on.way.there = 20;
    await on.time.pass(60_000);
    const answers = Promise.all([on.current(), on.current(), on.current()]);
    await on.time.pass(20);
    expect(await answers).toEqual([[], [], []]);
  });

  it("forgets the failure with the first answer, and has all ask again", async () => {
    const on = stage();
    on.way.is = "failing";
    await on.current();
    on.way.is = "up";
    await on.time.pass(1_000);
    expect(await on.current()).toEqual([]);
    await on.time.pass(2_000);
    on.way.there = 20;
    const answers = Promise.all([on.current(), on.current()]);
    await on.time.pass(20);
    expect(await answers).toEqual([[], []]);
  });

  it("takes no answer that was too old when it was asked for", async () => {
    const on = stage({ log: { since: async () => ({ ...page, asOf: unixMilliseconds(1_800_000_000_000 - 2_000) }) } });
    const page = { cursor: 1, reset: true, more: false, entries: [] };
    expect(await on.current()).toBe("store_unavailable");
    expect(on.failures).toHaveLength(1);
  });

  it("does not believe a log whose clock is ahead that its answers are of the future", async () => {
    const page = { cursor: 1, reset: true, more: false, entries: [] };
    const on = stage({ log: { since: async () => ({ ...page, asOf: unixMilliseconds(1_900_000_000_000) }) } });
    await on.current();
    await on.time.pass(2_000);
    expect(on.atHand()).toBeUndefined();
  });

  it("keeps to the greatest age that it is given", async () => {
    const on = stage({ maxAge: milliseconds(5_000) });
    await on.current();
    on.way.is = "failing";
    await on.time.pass(4_999);
    expect(on.atHand()).toEqual([]);
    await on.time.pass(1);
    expect(on.atHand()).toBeUndefined();
  });
});

describe("the age of what is known is told", () => {
  function aged(failure: "closed" | "open") {
    const ages: number[] = [];
    return { ages, on: stage({ failure, onAge: (age) => ages.push(age) }) };
  }

  it("once for each time that it is given out", async () => {
    const { ages, on } = aged("closed");
    await on.current();
    await on.time.pass(900);
    on.atHand();
    await on.current();
    expect(ages).toEqual([0, 900, 900]);
  });

  it("not where nothing is given out", async () => {
    const { ages, on } = aged("closed");
    on.way.is = "failing";
    on.atHand();
    await on.current();
    await on.current();
    expect(ages).toEqual([]);
  });

  it("as it is where it is too old, and all are let in; an hour stands for no knowledge at all", async () => {
    const { ages, on } = aged("open");
    on.way.is = "failing";
    await on.current();
    await on.current();
    expect(ages).toEqual([3_600_000, 3_600_000]);
    on.way.is = "up";
    await on.time.pass(5_000);
    await on.current();
    on.way.is = "failing";
    await on.time.pass(7_000);
    await on.current();
    expect(ages.slice(2)).toEqual([0, 7_000]);
  });
});
