import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { unixSeconds } from "../../../src/base/time.ts";
import { type Revocation, type RevocationLog, revocationKinds } from "../../../src/sessions/revocation.ts";
import { HeldRevocations } from "../../../src/sessions/revocation-snapshot.ts";

/** Read before each test, and no entry ends within ten minutes of it: a busy machine may take a while to get here. */
let start = 0;
const soon = (by: number) => unixSeconds(start + by);

function entryOf(parts: Partial<Revocation> = {}): Revocation {
  return { kind: "session", value: "s1", cause: "revoked", at: soon(0), until: soon(3600), ...parts };
}

/** Follows the log to its end. */
async function catchUp(log: RevocationLog, held: HeldRevocations): Promise<HeldRevocations> {
  for (;;) {
    const page = await log.since(held.cursor);
    held.apply(page);
    if (!page.more) return held;
  }
}

/**
 * The port's contract, for every implementation. `open` gives an empty log, whose clock is that of the machine and whose pages
 * hold `pageSize` entries.
 */
export function revocationLogContract(name: string, open: () => RevocationLog, pageSize: number): void {
  const all = async (log: RevocationLog) => (await log.since(0)).entries;

  describe(`${name}, as a revocation log`, () => {
    beforeEach(() => {
      start = Math.floor(Date.now() / 1000);
    });

    it("is empty at first", async () => {
      expect(await open().since(0)).toMatchObject({ entries: [], more: false });
    });

    it("tells what was added, in its order", async () => {
      const log = open();
      const entries = revocationKinds.map((kind) => entryOf({ kind, value: `of ${kind}` }));
      await log.append(entries.slice(0, 2), "operator");
      await log.append(entries.slice(2), "operator");
      expect(await all(log)).toEqual(entries);
    });

    it("goes on from a cursor, and tells nothing twice", async () => {
      const log = open();
      await log.append([entryOf({ value: "a" })], "operator");
      const { cursor } = await log.since(0);
      expect(await log.since(cursor)).toMatchObject({ cursor, entries: [], reset: false, more: false });
      await log.append([entryOf({ value: "b" })], "operator");
      const next = await log.since(cursor);
      expect(next).toMatchObject({ entries: [{ value: "b" }], reset: false });
      expect(next.cursor).toBeGreaterThan(cursor);
    });

    it("says as of when it answers", async () => {
      const before = Date.now();
      const { asOf } = await open().since(0);
      expect(asOf).toBeGreaterThanOrEqual(before);
      expect(asOf).toBeLessThanOrEqual(Date.now());
    });

    it("takes the later end of two entries for the same, and tells it once", async () => {
      const log = open();
      await log.append(
        [entryOf({ until: soon(1000) }), entryOf({ until: soon(3600) }), entryOf({ until: soon(2000) })],
        "operator",
      );
      expect(await all(log)).toEqual([entryOf({ until: soon(3600) })]);
    });

    it("tells nobody of an entry that changes nothing", async () => {
      const log = open();
      await log.append([entryOf()], "operator");
      const { cursor } = await log.since(0);
      await log.append([entryOf({ cause: "taken", until: soon(1000) })], "operator");
      expect(await log.since(cursor)).toMatchObject({ cursor, entries: [] });
    });

    it("leaves a session the cause that ended it first", async () => {
      const log = open();
      await log.append(
        [entryOf({ cause: "taken" }), entryOf({ cause: "revoked", at: soon(5), until: soon(7200) })],
        "operator",
      );
      expect(await all(log)).toEqual([entryOf({ cause: "taken", until: soon(7200) })]);
    });

    it("forbids of a subject what was given out up to the latest entry", async () => {
      const log = open();
      const of = (at: number, until: number) => entryOf({ kind: "subject", at: soon(at), until: soon(until) });
      await log.append([of(5, 3600), of(9, 600)], "operator");
      await log.append([of(1, 600)], "operator");
      expect(await all(log)).toEqual([of(9, 3600)]);
    });

    it("does not take an entry that has ended already", async () => {
      const log = open();
      await log.append([entryOf({ until: unixSeconds(1) })], "operator");
      expect(await all(log)).toEqual([]);
    });

    it("takes back what is forbidden, once", async () => {
      const log = open();
      await log.append([entryOf()], "operator");
      const held = await catchUp(log, new HeldRevocations());
      expect(await log.lift("session", "s1")).toBe(true);
      expect(await log.lift("session", "s1")).toBe(false);
      expect(held.size).toBe(1);
      expect((await catchUp(log, held)).size).toBe(0);
    });

    it("tells a snapshot that begins nothing of what was taken back", async () => {
      const log = open();
      await log.append([entryOf(), entryOf({ value: "s2" })], "operator");
      await log.lift("session", "s1");
      expect(await all(log)).toEqual([entryOf({ value: "s2" })]);
    });

    it("leaves an operator's entry its time, whatever the viewer does", async () => {
      const log = open();
      await log.append([entryOf()], "operator");
      const { cursor } = await log.since(0);
      expect(await log.append([entryOf({ until: soon(1000) })], "viewer")).toBe(0);
      expect(await log.since(cursor)).toMatchObject({ cursor, entries: [] });
      await log.append([entryOf({ value: "s2", cause: "taken", until: soon(1000) })], "viewer");
      await log.append([entryOf({ value: "s2" })], "operator");
      expect(await all(log)).toEqual([entryOf(), entryOf({ value: "s2", cause: "taken" })]);
      expect(await log.lift("session", "s2")).toBe(true);
    });

    it("lets an entry of a viewer's end earlier, and tells everybody", async () => {
      const log = open();
      await log.append([entryOf()], "viewer");
      const { cursor } = await log.since(0);
      await log.shorten("session", "s1", soon(7200));
      expect(await log.since(cursor)).toMatchObject({ cursor, entries: [] });
      await log.shorten("session", "s1", soon(1000));
      await log.shorten("session", "s2", soon(1000));
      expect((await log.since(cursor)).entries).toEqual([entryOf({ until: soon(1000) })]);
      expect(await all(log)).toEqual([entryOf({ until: soon(1000) })]);
    });

    it("lets no entry of an operator's end earlier, whoever made it first", async () => {
      const log = open();
      for (const by of ["viewer", "operator", "viewer"] as const) await log.append([entryOf()], by);
      await log.shorten("session", "s1", soon(1000));
      expect(await all(log)).toEqual([entryOf()]);
    });

    it("takes back nothing else", async () => {
      const log = open();
      await log.append([entryOf()], "operator");
      expect(await log.lift("session", "s2")).toBe(false);
      expect(await log.lift("subject", "s1")).toBe(false);
      expect((await catchUp(log, new HeldRevocations())).size).toBe(1);
    });

    it("forbids again what was taken back", async () => {
      const log = open();
      await log.append([entryOf({ cause: "taken" })], "operator");
      await log.lift("session", "s1");
      await log.append([entryOf({ until: soon(1000) })], "operator");
      expect(await all(log)).toEqual([entryOf({ until: soon(1000) })]);
    });

    it("gives many in pages, which together hold each one once", async () => {
      const log = open();
      const values = Array.from({ length: pageSize + 5 }, (_, i) => `s${i}`);
      await log.append(
        values.map((value) => entryOf({ value })),
        "operator",
      );
      const told: string[] = [];
      const sizes: number[] = [];
      let page = await log.since(0);
      for (; ; page = await log.since(page.cursor)) {
        told.push(...page.entries.map(({ value }) => value));
        sizes.push(page.entries.length);
        if (!page.more) break;
      }
      expect(sizes).toEqual([pageSize, 5]);
      expect(told).toEqual(values);
      expect(await log.since(page.cursor)).toMatchObject({ cursor: page.cursor, entries: [], reset: false });
    });

    it("tells everything anew to who comes with a cursor that it does not know", async () => {
      const log = open();
      await log.append([entryOf()], "operator");
      const { cursor } = await log.since(0);
      expect(await log.since(cursor + 1)).toMatchObject({ reset: true, entries: [entryOf()], cursor });
    });

    it("brings everybody who follows to the same, however far behind he is", async () => {
      const kind = fc.constantFrom(...revocationKinds);
      const value = fc.constantFrom("a", "b", "c");
      const end = fc.integer({ min: 1000, max: 5000 }).map(soon);
      const step = fc.oneof(
        fc.record({ is: fc.constant("append" as const), entry: fc.record({ kind, value, at: end, until: end }) }),
        fc.record({ is: fc.constant("lift" as const), kind, value }),
        fc.record({ is: fc.constant("follow" as const) }),
      );
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
          const log = open();
          const often = new HeldRevocations();
          const forbidden = new Set<string>();
          for (const next of steps) {
            if (next.is === "append") {
              await log.append([entryOf(next.entry)], "operator");
              forbidden.add(`${next.entry.kind} ${next.entry.value}`);
            } else if (next.is === "lift") {
              const name = `${next.kind} ${next.value}`;
              expect(await log.lift(next.kind, next.value)).toBe(forbidden.delete(name));
            } else await catchUp(log, often);
          }
          await catchUp(log, often);
          const once = await catchUp(log, new HeldRevocations());
          expect(often.entries).toEqual(once.entries);
          const held = Object.values(once.entries).flatMap((ofKind) => [...ofKind.values()]);
          expect(new Set(held.map((entry) => `${entry.kind} ${entry.value}`))).toEqual(forbidden);
        }),
        { numRuns: 40 },
      );
    });
  });
}
