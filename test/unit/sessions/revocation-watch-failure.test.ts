import { describe, expect, it } from "vitest";
import { milliseconds, unixMilliseconds } from "../../../src/base/time.ts";
import { watchFixture } from "./revocation-fixture.ts";

describe("while the revocation log is down, a watch", () => {
  it("refuses requests after its timeout", async () => {
    const watch = watchFixture();
    watch.network.state = "silent";
    const answer = watch.current();
    await watch.time.pass(2_000);
    expect(await answer).toBe("store_unavailable");
    expect(watch.failures).toMatchObject([{ code: "store_unavailable" }]);
  });

  it("refuses requests at once if the log fails at once", async () => {
    const watch = watchFixture();
    watch.network.state = "failing";
    expect(await watch.current()).toBe("store_unavailable");
    expect(watch.failures).toMatchObject([{ reason: expect.stringContaining("no network") }]);
  });

  it("uses its snapshot up to the maximum age, and reports the failed refresh", async () => {
    const watch = watchFixture();
    await watch.revoke("a");
    await watch.current();
    watch.network.state = "failing";
    await watch.time.pass(1_500);
    expect(watch.atHand()).toEqual(["a"]);
    await Promise.all(watch.background);
    expect(watch.failures).toHaveLength(1);
    expect(watch.atHand()).toEqual(["a"]);
    expect(watch.cursors).toHaveLength(2);
    await watch.time.pass(500);
    expect(watch.atHand()).toBeUndefined();
    expect(await watch.current()).toBe("store_unavailable");
  });

  it("answers an operator from a snapshot up to the maximum age, and then refuses without a wait", async () => {
    const watch = watchFixture();
    await watch.revoke("a");
    await watch.current();
    watch.network.state = "failing";
    await watch.time.pass(1_500);
    expect(await watch.fresh()).toEqual(["a"]);
    await watch.time.pass(500);
    expect([await watch.fresh(), await watch.fresh()]).toEqual(["store_unavailable", "store_unavailable"]);
    expect(watch.cursors).toHaveLength(3);
  });

  it("that fails open uses its last snapshot beyond the maximum age, and reports the failure", async () => {
    const watch = watchFixture({ failure: "open" });
    await watch.revoke("a");
    await watch.current();
    watch.network.state = "failing";
    await watch.time.pass(600_000);
    expect(watch.atHand()).toBeUndefined();
    expect(await watch.current()).toEqual(["a"]);
    expect(watch.atHand()).toEqual(["a"]);
    expect(watch.failures).toHaveLength(1);
  });

  it("that fails open revokes nothing if it never had a snapshot", async () => {
    const watch = watchFixture({ failure: "open" });
    watch.network.state = "failing";
    expect(await watch.current()).toEqual([]);
    expect(watch.failures).toHaveLength(1);
  });

  it.each(["closed", "open"] as const)(
    "lets one request at a time retry while the others do not wait (fail %s)",
    async (failure) => {
      const watch = watchFixture({ failure });
      const expected = failure === "open" ? [] : "store_unavailable";
      watch.network.state = "silent";
      const first = watch.current();
      await watch.time.pass(2_000);
      expect(await first).toEqual(expected);
      for (let round = 0; round < 5; round++) {
        expect(await watch.current()).toEqual(expected); // It does not wait: no time passes.
        await watch.time.pass(1_000);
        const probe = watch.current();
        for (let i = 0; i < 4; i++) {
          expect(await watch.current()).toEqual(expected);
          await watch.time.pass(500);
        }
        expect(await probe).toEqual(expected);
        expect(watch.cursors).toHaveLength(2 + round);
      }
    },
  );

  it("recovers with the first answer", async () => {
    const watch = watchFixture();
    watch.network.state = "failing";
    await watch.current();
    watch.network.state = "up";
    expect(await watch.current()).toBe("store_unavailable");
    await watch.time.pass(1_000);
    expect(await watch.current()).toEqual([]);
    expect(watch.atHand()).toEqual([]);
  });

  it("lets every request retry if the last failure is a minute old", async () => {
    const watch = watchFixture();
    watch.network.state = "failing";
    await watch.current();
    watch.network.state = "up";
    watch.network.requestDelay = 20;
    await watch.time.pass(60_000);
    const answers = Promise.all([watch.current(), watch.current(), watch.current()]);
    await watch.time.pass(20);
    expect(await answers).toEqual([[], [], []]);
  });

  it("forgets the failure with the first answer, so that every later request can refresh", async () => {
    const watch = watchFixture();
    watch.network.state = "failing";
    await watch.current();
    watch.network.state = "up";
    await watch.time.pass(1_000);
    expect(await watch.current()).toEqual([]);
    await watch.time.pass(2_000);
    watch.network.requestDelay = 20;
    const answers = Promise.all([watch.current(), watch.current()]);
    await watch.time.pass(20);
    expect(await answers).toEqual([[], []]);
  });

  it("refuses an answer that is already too old", async () => {
    const watch = watchFixture({
      log: { since: async () => ({ ...page, asOf: unixMilliseconds(1_800_000_000_000 - 2_000) }) },
    });
    const page = { cursor: 1, reset: true, more: false, entries: [] };
    expect(await watch.current()).toBe("store_unavailable");
    expect(watch.failures).toHaveLength(1);
  });

  it("does not extend the age of an answer whose timestamp is in the future", async () => {
    const page = { cursor: 1, reset: true, more: false, entries: [] };
    const watch = watchFixture({
      log: { since: async () => ({ ...page, asOf: unixMilliseconds(1_900_000_000_000) }) },
    });
    await watch.current();
    await watch.time.pass(2_000);
    expect(watch.atHand()).toBeUndefined();
  });

  it("keeps to the configured maximum age", async () => {
    const watch = watchFixture({ maxAge: milliseconds(5_000) });
    await watch.current();
    watch.network.state = "failing";
    await watch.time.pass(4_999);
    expect(watch.atHand()).toEqual([]);
    await watch.time.pass(1);
    expect(watch.atHand()).toBeUndefined();
  });
});

describe("the age of a snapshot", () => {
  function watchWithAges(failure: "closed" | "open") {
    const ages: number[] = [];
    return { ages, watch: watchFixture({ failure, onAge: (age) => ages.push(age) }) };
  }

  it("is reported for each use of the snapshot", async () => {
    const { ages, watch } = watchWithAges("closed");
    await watch.current();
    await watch.time.pass(900);
    watch.atHand();
    await watch.current();
    expect(ages).toEqual([0, 900, 900]);
  });

  it("is not reported if no snapshot is used", async () => {
    const { ages, watch } = watchWithAges("closed");
    watch.network.state = "failing";
    watch.atHand();
    await watch.current();
    await watch.current();
    expect(ages).toEqual([]);
  });

  it("is reported beyond the maximum age if the watch fails open, as one hour if there is no snapshot", async () => {
    const { ages, watch } = watchWithAges("open");
    watch.network.state = "failing";
    await watch.current();
    await watch.current();
    expect(ages).toEqual([3_600_000, 3_600_000]);
    watch.network.state = "up";
    await watch.time.pass(5_000);
    await watch.current();
    watch.network.state = "failing";
    await watch.time.pass(7_000);
    await watch.current();
    expect(ages.slice(2)).toEqual([0, 7_000]);
  });
});
