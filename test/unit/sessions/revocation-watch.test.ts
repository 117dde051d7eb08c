import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { milliseconds } from "../../../src/base/time.ts";
import type { RevocationLog } from "../../../src/sessions/revocation.ts";
import { memoryRevocationLog } from "../../support/memory-stores.ts";
import { sessionEntry, watchFixture } from "./revocation-fixture.ts";

describe("a watch over the revocation log", () => {
  it("reads the log at the first request and then has a snapshot", async () => {
    const watch = watchFixture();
    await watch.revoke("a");
    expect(watch.atHand()).toBeUndefined();
    expect(await watch.current()).toEqual(["a"]);
    expect(watch.atHand()).toEqual(["a"]);
    expect(watch.cursors).toHaveLength(1);
  });

  it("does not read the log for one second after a read", async () => {
    const watch = watchFixture();
    await watch.current();
    await watch.time.pass(1_000);
    expect(watch.atHand()).toEqual([]);
    expect(watch.cursors).toHaveLength(1);
  });

  it("is then refreshed in the background of one request, while all requests use the old snapshot", async () => {
    const watch = watchFixture();
    await watch.current();
    await watch.revoke("a");
    watch.network.requestDelay = 100;
    await watch.time.pass(1_001);
    expect([watch.atHand(), watch.atHand(), await watch.current()]).toEqual([[], [], []]);
    expect([watch.cursors.length, watch.background.length]).toEqual([2, 1]);
    await watch.time.pass(100);
    expect(watch.atHand()).toEqual(["a"]);
    expect(watch.cursors).toHaveLength(2);
  });

  it("lets another request refresh it if the first refresh never finished", async () => {
    const watch = watchFixture({ maxAge: milliseconds(10_000), timer: () => () => {} });
    await watch.current();
    watch.network.state = "silent";
    await watch.time.pass(1_001);
    watch.atHand();
    await watch.time.pass(1_999);
    watch.atHand();
    expect(watch.cursors).toHaveLength(2);
    await watch.time.pass(1);
    watch.atHand();
    expect(watch.cursors).toHaveLength(3);
  });

  it("makes each request wait for its own refresh beyond the maximum age", async () => {
    const watch = watchFixture();
    await watch.current();
    await watch.revoke("a");
    await watch.time.pass(2_000);
    expect(watch.atHand()).toBeUndefined();
    watch.network.requestDelay = 50;
    const answers = Promise.all([watch.current(), watch.current()]);
    await watch.time.pass(50);
    expect(await answers).toEqual([["a"], ["a"]]);
    expect(watch.cursors).toHaveLength(3);
  });

  it("makes each operator's request wait for a refresh, also while a viewer's request refreshes it", async () => {
    const watch = watchFixture();
    await watch.current();
    await watch.revoke("a");
    watch.network.requestDelay = 100;
    await watch.time.pass(1_001);
    expect(watch.atHand()).toEqual([]);
    const answers = Promise.all([watch.fresh(), watch.fresh()]);
    await watch.time.pass(100);
    expect(await answers).toEqual([["a"], ["a"]]);
    expect(await watch.fresh()).toEqual(["a"]);
    expect(watch.cursors).toHaveLength(4);
  });

  it("never loses a revocation to a slow, older answer", async () => {
    const watch = watchFixture();
    watch.network.responseDelay = 1_500;
    const slow = watch.current();
    await watch.time.pass(10);
    await watch.revoke("a");
    watch.network.responseDelay = 0;
    expect(await watch.current()).toEqual(["a"]);
    await watch.time.pass(1_490);
    expect(await slow).toEqual(["a"]);
    expect(watch.atHand()).toEqual(["a"]);
  });

  it("keeps a repeated revocation even if a slow answer still reports its lift", async () => {
    const watch = watchFixture();
    await watch.revoke("a");
    await watch.log.lift("session", "a");
    watch.network.responseDelay = 1_500;
    const slow = watch.current();
    await watch.time.pass(10);
    await watch.revoke("a");
    watch.network.responseDelay = 0;
    expect(await watch.current()).toEqual(["a"]);
    await watch.time.pass(1_490);
    expect(await slow).toEqual(["a"]);
  });

  it("keeps the age of the newer answer if a slow, older one arrives after it", async () => {
    const watch = watchFixture();
    watch.network.responseDelay = 900;
    const slow = watch.current();
    await watch.time.pass(899);
    watch.network.responseDelay = 0;
    await watch.current();
    await watch.time.pass(1);
    await slow;
    await watch.time.pass(998);
    expect(watch.atHand()).toEqual([]);
    expect(watch.cursors).toHaveLength(2);
  });

  it("sees a revocation within two seconds, whatever the phase, the delays and the cache", async () => {
    const event = fc.record({
      after: fc.integer({ min: 0, max: 900 }),
      action: fc.constantFrom("revoke", "check", "check", "check", "network"),
      requestDelay: fc.integer({ min: 0, max: 1_200 }),
      responseDelay: fc.integer({ min: 0, max: 1_200 }),
      state: fc.constantFrom("up", "up", "up", "failing", "silent"),
      cacheFor: fc.constantFrom(0, 1_000),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(event, { maxLength: 40 }), fc.constantFrom(1, 2, 1_000), async (events, pageSize) => {
        const watch = watchFixture({}, pageSize);
        const revoked: { value: string; at: number }[] = [];
        const checks: Promise<void>[] = [];
        const mustContain = (snapshot: readonly string[], checkedAt: number) => {
          for (const { value, at } of revoked) if (at <= checkedAt - 2_000) expect(snapshot).toContain(value);
        };
        for (const { after, action, requestDelay, responseDelay, state, cacheFor } of events) {
          await watch.time.pass(after);
          const { now } = watch.time;
          if (action === "network") Object.assign(watch.network, { requestDelay, responseDelay, state, cacheFor });
          else if (action === "revoke") {
            revoked.push({ value: `s${revoked.length}`, at: now });
            await watch.revoke(`s${revoked.length - 1}`);
          } else {
            mustContain(watch.atHand() ?? revoked.map(({ value }) => value), now);
            checks.push(
              watch
                .current()
                .then((snapshot) => typeof snapshot === "string" || mustContain(snapshot, now))
                .then(() => {}),
            );
          }
        }
        await watch.time.pass(60_000);
        await Promise.all(checks);
      }),
      { numRuns: 150 },
    );
  });

  it("reads all pages, and has no snapshot before the last one", async () => {
    const watch = watchFixture({}, 2);
    await watch.log.append(["a", "b", "c", "d", "e"].map(sessionEntry), "viewer");
    watch.network.requestDelay = 100;
    const answer = watch.current();
    await watch.time.pass(250);
    expect(watch.atHand()).toBeUndefined();
    await watch.time.pass(50);
    expect(await answer).toEqual(["a", "b", "c", "d", "e"]);
    expect(watch.cursors).toEqual([0, 3, 5]);
  });

  it("keeps the pages that it read before the log stopped answering", async () => {
    const watch = watchFixture({}, 2);
    await watch.log.append(["a", "b", "c"].map(sessionEntry), "viewer");
    watch.network.requestDelay = 100;
    const answer = watch.current();
    await watch.time.pass(50);
    watch.network.state = "silent";
    await watch.time.pass(3_100);
    expect(await answer).toBe("store_unavailable");
    watch.network.state = "up";
    const again = watch.current();
    await watch.time.pass(100);
    expect(await again).toEqual(["a", "b", "c"]);
    expect(watch.cursors).toEqual([0, 3, 3]);
  });
});

describe("a log that an isolate has not read for ten minutes", () => {
  /** A watch whose log has already removed its lifted entries. */
  function forgetfulLog() {
    const since: RevocationLog["since"] = async (cursor) => {
      cursors.push(cursor);
      const page = await log.since(cursor);
      return cursor === 0 ? page : { ...page, entries: page.entries.filter(({ until }) => until > 0) };
    };
    const cursors: number[] = [];
    const watch = watchFixture({ log: { since } });
    const log = memoryRevocationLog(watch.time.clock);
    return { watch, log, cursors };
  }

  it("is read from its beginning, so that lifted entries disappear", async () => {
    const { watch, log, cursors } = forgetfulLog();
    await log.append(["a", "b"].map(sessionEntry), "operator");
    expect(await watch.current()).toEqual(["a", "b"]);
    await log.lift("session", "a");
    await watch.time.pass(600_000);
    expect(await watch.current()).toEqual(["a", "b"]);
    await watch.time.pass(600_001);
    expect(await watch.current()).toEqual(["b"]);
    expect(cursors).toEqual([0, 3, 0]);
  });

  it("is read from its beginning by an isolate that had read only some of its pages", async () => {
    const watch = watchFixture({}, 2);
    await watch.log.append(["a", "b", "c", "d", "e"].map(sessionEntry), "viewer");
    watch.network.requestDelay = 100;
    const answer = watch.current();
    await watch.time.pass(50);
    watch.network.state = "silent";
    await watch.time.pass(600_051);
    expect(await answer).toBe("store_unavailable");
    watch.network.state = "up";
    const again = watch.current();
    await watch.time.pass(300);
    expect(await again).toEqual(["a", "b", "c", "d", "e"]);
    expect(watch.cursors).toEqual([0, 3, 0, 3, 5]);
  });
});

describe("a log that is replaced by a new one", () => {
  /** A watch whose log is replaced after the first snapshot; `change` edits the new log's pages. */
  async function withReplacement(
    pageSize: number,
    change: (page: Awaited<ReturnType<RevocationLog["since"]>>) => object,
  ) {
    const logs: RevocationLog[] = [];
    const network = { responseDelay: 0 };
    const since: RevocationLog["since"] = async (cursor) => {
      const { responseDelay } = network;
      const page = await (logs.at(-1) ?? log).since(cursor);
      if (responseDelay > 0) await watch.time.wait(responseDelay);
      return logs.length > 0 ? { ...page, ...change(page) } : page;
    };
    const watch = watchFixture({ log: { since } });
    const log = memoryRevocationLog(watch.time.clock, pageSize);
    await log.append(["a", "b", "c"].map(sessionEntry), "viewer");
    expect(await watch.current()).toEqual(["a", "b", "c"]);
    const replacement = memoryRevocationLog(watch.time.clock, pageSize);
    logs.push(replacement);
    return { watch, replacement, network };
  }

  it("replaces the watch's snapshot once all its pages are read", async () => {
    const { watch, replacement } = await withReplacement(1, () => ({}));
    await replacement.append([sessionEntry("x"), sessionEntry("y")], "viewer");
    await watch.time.pass(2_000);
    expect(await watch.current()).toEqual(["x", "y"]);
  });

  it("is detected by a cursor that goes back, even without a reset", async () => {
    const { watch, replacement } = await withReplacement(1_000, () => ({ reset: false }));
    await replacement.append([sessionEntry("x")], "viewer");
    await watch.time.pass(2_000);
    expect(await watch.current()).toEqual(["x"]);
  });

  it("keeps its entries when a slow, older answer of its beginning arrives", async () => {
    const { watch, replacement, network } = await withReplacement(1_000, () => ({}));
    await watch.time.pass(2_000);
    network.responseDelay = 1_500;
    const slow = watch.current();
    await watch.time.pass(10);
    await replacement.append([sessionEntry("x")], "viewer");
    network.responseDelay = 0;
    expect(await watch.current()).toEqual(["x"]);
    await watch.time.pass(1_490);
    expect(await slow).toEqual(["x"]);
  });

  it("makes the watch fail if it resets on every page or repeats a page", async () => {
    const resetting = await withReplacement(1_000, () => ({ reset: true, more: true }));
    await resetting.watch.time.pass(2_000);
    expect(await resetting.watch.current()).toBe("store_unavailable");
    const { watch, replacement } = await withReplacement(1_000, () => ({ reset: false, more: true, cursor: 4 }));
    await replacement.append(["x", "y", "z"].map(sessionEntry), "viewer");
    await watch.time.pass(2_000);
    expect(await watch.current()).toBe("store_unavailable");
  });
});
