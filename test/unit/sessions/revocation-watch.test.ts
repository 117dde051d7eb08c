import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { milliseconds } from "../../../src/base/time.ts";
import type { RevocationLog } from "../../../src/sessions/revocation.ts";
import { memoryRevocationLog } from "../../support/memory-stores.ts";
import { sessionEntry, stage } from "./revocation-stage.ts";

describe("a watch over the revocation log", () => {
  it("asks at the first request, and has it at hand from then on", async () => {
    const on = stage();
    await on.revoke("a");
    expect(on.atHand()).toBeUndefined();
    expect(await on.current()).toEqual(["a"]);
    expect(on.atHand()).toEqual(["a"]);
    expect(on.asked).toHaveLength(1);
  });

  it("asks nobody for a second", async () => {
    const on = stage();
    await on.current();
    await on.time.pass(1_000);
    expect(on.atHand()).toEqual([]);
    expect(on.asked).toHaveLength(1);
  });

  it("is refreshed behind one request after that, while all go on with what is known", async () => {
    const on = stage();
    await on.current();
    await on.revoke("a");
    on.way.there = 100;
    await on.time.pass(1_001);
    expect([on.atHand(), on.atHand(), await on.current()]).toEqual([[], [], []]);
    expect([on.asked.length, on.behind.length]).toEqual([2, 1]);
    await on.time.pass(100);
    expect(on.atHand()).toEqual(["a"]);
    expect(on.asked).toHaveLength(2);
  });

  it("lets another request refresh it where the first one was cut off", async () => {
    const on = stage({ maxAge: milliseconds(10_000), timer: () => () => {} });
    await on.current();
    on.way.is = "silent";
    await on.time.pass(1_001);
    on.atHand();
    await on.time.pass(1_999);
    on.atHand();
    expect(on.asked).toHaveLength(2);
    await on.time.pass(1);
    on.atHand();
    expect(on.asked).toHaveLength(3);
  });

  it("is waited for past its greatest age, by each request for itself", async () => {
    const on = stage();
    await on.current();
    await on.revoke("a");
    await on.time.pass(2_000);
    expect(on.atHand()).toBeUndefined();
    on.way.there = 50;
    const answers = Promise.all([on.current(), on.current()]);
    await on.time.pass(50);
    expect(await answers).toEqual([["a"], ["a"]]);
    expect(on.asked).toHaveLength(3);
  });

  it("never falls back behind what it knew, whichever answer comes first", async () => {
    const on = stage();
    on.way.back = 1_500;
    const slow = on.current();
    await on.time.pass(10);
    await on.revoke("a");
    on.way.back = 0;
    expect(await on.current()).toEqual(["a"]);
    await on.time.pass(1_490);
    expect(await slow).toEqual(["a"]);
    expect(on.atHand()).toEqual(["a"]);
  });

  it("forbids what was forbidden again, though a slow answer still says that it was taken back", async () => {
    const on = stage();
    await on.revoke("a");
    await on.log.lift("session", "a");
    on.way.back = 1_500;
    const slow = on.current();
    await on.time.pass(10);
    await on.revoke("a");
    on.way.back = 0;
    expect(await on.current()).toEqual(["a"]);
    await on.time.pass(1_490);
    expect(await slow).toEqual(["a"]);
  });

  it("does not hold the newer for older because a slow answer came after it", async () => {
    const on = stage();
    on.way.back = 900;
    const slow = on.current();
    await on.time.pass(899);
    on.way.back = 0;
    await on.current();
    await on.time.pass(1);
    await slow;
    await on.time.pass(998);
    expect(on.atHand()).toEqual([]);
    expect(on.asked).toHaveLength(2);
  });

  it("sees a revocation within two seconds, whatever the phase, the way and the cache", async () => {
    const event = fc.record({
      after: fc.integer({ min: 0, max: 900 }),
      is: fc.constantFrom("revoke", "ask", "ask", "ask", "way"),
      there: fc.integer({ min: 0, max: 1_200 }),
      back: fc.integer({ min: 0, max: 1_200 }),
      state: fc.constantFrom("up", "up", "up", "failing", "silent"),
      keptFor: fc.constantFrom(0, 1_000),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(event, { maxLength: 40 }), fc.constantFrom(1, 2, 1_000), async (events, pageSize) => {
        const on = stage({}, pageSize);
        const revoked: { value: string; at: number }[] = [];
        const checks: Promise<void>[] = [];
        const mustHold = (held: readonly string[], askedAt: number) => {
          for (const { value, at } of revoked) if (at <= askedAt - 2_000) expect(held).toContain(value);
        };
        for (const { after, is, there, back, state, keptFor } of events) {
          await on.time.pass(after);
          const { now } = on.time;
          if (is === "way") Object.assign(on.way, { there, back, is: state, keptFor });
          else if (is === "revoke") {
            revoked.push({ value: `s${revoked.length}`, at: now });
            await on.revoke(`s${revoked.length - 1}`);
          } else {
            mustHold(on.atHand() ?? revoked.map(({ value }) => value), now);
            checks.push(
              on
                .current()
                .then((held) => typeof held === "string" || mustHold(held, now))
                .then(() => {}),
            );
          }
        }
        await on.time.pass(60_000);
        await Promise.all(checks);
      }),
      { numRuns: 150 },
    );
  });

  it("reads on where there is more than one page, and has nothing at hand before the last", async () => {
    const on = stage({}, 2);
    await on.log.append(["a", "b", "c", "d", "e"].map(sessionEntry), "viewer");
    on.way.there = 100;
    const answer = on.current();
    await on.time.pass(250);
    expect(on.atHand()).toBeUndefined();
    await on.time.pass(50);
    expect(await answer).toEqual(["a", "b", "c", "d", "e"]);
    expect(on.asked).toEqual([0, 3, 5]);
  });

  it("keeps the pages that were read before the log fell silent", async () => {
    const on = stage({}, 2);
    await on.log.append(["a", "b", "c"].map(sessionEntry), "viewer");
    on.way.there = 100;
    const answer = on.current();
    await on.time.pass(50);
    on.way.is = "silent";
    await on.time.pass(3_100);
    expect(await answer).toBe("store_unavailable");
    on.way.is = "up";
    const again = on.current();
    await on.time.pass(100);
    expect(await again).toEqual(["a", "b", "c"]);
    expect(on.asked).toEqual([0, 3, 3]);
  });
});

describe("a log that an isolate has not heard for ten minutes", () => {
  /** A watch whose log has forgotten again what it took back. */
  function forgetful() {
    const since: RevocationLog["since"] = async (cursor) => {
      asked.push(cursor);
      const page = await log.since(cursor);
      return cursor === 0 ? page : { ...page, entries: page.entries.filter(({ until }) => until > 0) };
    };
    const asked: number[] = [];
    const on = stage({ log: { since } });
    const log = memoryRevocationLog(on.time.clock);
    return { on, log, asked };
  }

  it("is read from its beginning, and what it took back is free again", async () => {
    const { on, log, asked } = forgetful();
    await log.append(["a", "b"].map(sessionEntry), "operator");
    expect(await on.current()).toEqual(["a", "b"]);
    await log.lift("session", "a");
    await on.time.pass(600_000);
    expect(await on.current()).toEqual(["a", "b"]);
    await on.time.pass(600_001);
    expect(await on.current()).toEqual(["b"]);
    expect(asked).toEqual([0, 3, 0]);
  });

  it("is read from its beginning by an isolate that had read some of its pages only", async () => {
    const on = stage({}, 2);
    await on.log.append(["a", "b", "c", "d", "e"].map(sessionEntry), "viewer");
    on.way.there = 100;
    const answer = on.current();
    await on.time.pass(50);
    on.way.is = "silent";
    await on.time.pass(600_051);
    expect(await answer).toBe("store_unavailable");
    on.way.is = "up";
    const again = on.current();
    await on.time.pass(300);
    expect(await again).toEqual(["a", "b", "c", "d", "e"]);
    expect(on.asked).toEqual([0, 3, 0, 3, 5]);
  });
});

describe("a log that begins anew", () => {
  /** A watch whose log becomes another one in the middle. */
  async function withAnother(pageSize: number, how: (page: Awaited<ReturnType<RevocationLog["since"]>>) => object) {
    const logs: RevocationLog[] = [];
    const way = { back: 0 };
    const since: RevocationLog["since"] = async (cursor) => {
      const { back } = way;
      const page = await (logs.at(-1) ?? log).since(cursor);
      if (back > 0) await on.time.wait(back);
      return logs.length > 0 ? { ...page, ...how(page) } : page;
    };
    const on = stage({ log: { since } });
    const log = memoryRevocationLog(on.time.clock, pageSize);
    await log.append(["a", "b", "c"].map(sessionEntry), "viewer");
    expect(await on.current()).toEqual(["a", "b", "c"]);
    const another = memoryRevocationLog(on.time.clock, pageSize);
    logs.push(another);
    return { on, another, way };
  }

  it("makes the watch forget what it held, once it has everything of the new one", async () => {
    const { on, another } = await withAnother(1, () => ({}));
    await another.append([sessionEntry("x"), sessionEntry("y")], "viewer");
    await on.time.pass(2_000);
    expect(await on.current()).toEqual(["x", "y"]);
  });

  it("is found out by a cursor that goes back, even where it does not say so", async () => {
    const { on, another } = await withAnother(1_000, () => ({ reset: false }));
    await another.append([sessionEntry("x")], "viewer");
    await on.time.pass(2_000);
    expect(await on.current()).toEqual(["x"]);
  });

  it("is not forgotten again at a slow answer of its beginning", async () => {
    const { on, another, way } = await withAnother(1_000, () => ({}));
    await on.time.pass(2_000);
    way.back = 1_500;
    const slow = on.current();
    await on.time.pass(10);
    await another.append([sessionEntry("x")], "viewer");
    way.back = 0;
    expect(await on.current()).toEqual(["x"]);
    await on.time.pass(1_490);
    expect(await slow).toEqual(["x"]);
  });

  it("is broken where it does so over and over, or leads from a page to itself", async () => {
    const over = await withAnother(1_000, () => ({ reset: true, more: true }));
    await over.on.time.pass(2_000);
    expect(await over.on.current()).toBe("store_unavailable");
    const { on, another } = await withAnother(1_000, () => ({ reset: false, more: true, cursor: 4 }));
    await another.append(["x", "y", "z"].map(sessionEntry), "viewer");
    await on.time.pass(2_000);
    expect(await on.current()).toBe("store_unavailable");
  });
});
