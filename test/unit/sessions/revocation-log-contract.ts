import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { unixSeconds } from "../../../src/base/time.ts";
import {
  type LoggedRevocation,
  type Revocation,
  type RevocationLog,
  revocationKinds,
} from "../../../src/sessions/revocation.ts";
import { HeldRevocations } from "../../../src/sessions/revocation-snapshot.ts";

/** Set before each test. No entry expires within ten minutes of it, because a busy machine can be slow. */
let start = 0;
const inSeconds = (by: number) => unixSeconds(start + by);

function entryOf(parts: Partial<Revocation> = {}): Revocation {
  return { kind: "session", value: "s1", cause: "revoked", at: inSeconds(0), until: inSeconds(3600), ...parts };
}

/** Reads the log to its end. */
async function catchUp(log: RevocationLog, snapshot: HeldRevocations): Promise<HeldRevocations> {
  for (;;) {
    const page = await log.since(snapshot.cursor);
    snapshot.apply(page);
    if (!page.more) return snapshot;
  }
}

/** Reads operators' entries to the end of the log. */
async function operators(log: RevocationLog, cursor = 0): Promise<LoggedRevocation[]> {
  const page = await log.since(cursor, "operators");
  return page.more ? [...page.entries, ...(await operators(log, page.cursor))] : [...page.entries];
}

/** The port's contract, for every implementation. `open` returns an empty log with the machine's clock and pages of `pageSize` entries. */
export function revocationLogContract(name: string, open: () => RevocationLog, pageSize: number): void {
  const all = async (log: RevocationLog) => (await log.since(0)).entries;

  describe(`a revocation log (${name})`, () => {
    beforeEach(() => {
      start = Math.floor(Date.now() / 1000);
    });

    it("is empty at first", async () => {
      expect(await open().since(0)).toMatchObject({ entries: [], more: false });
    });

    it("returns its entries in the order of their addition", async () => {
      const log = open();
      const entries = revocationKinds.map((kind) => entryOf({ kind, value: `of ${kind}` }));
      await log.append(entries.slice(0, 2), "operator");
      await log.append(entries.slice(2), "operator");
      expect(await all(log)).toEqual(entries);
    });

    it("continues from a cursor and returns nothing twice", async () => {
      const log = open();
      await log.append([entryOf({ value: "a" })], "operator");
      const { cursor } = await log.since(0);
      expect(await log.since(cursor)).toMatchObject({ cursor, entries: [], reset: false, more: false });
      await log.append([entryOf({ value: "b" })], "operator");
      const next = await log.since(cursor);
      expect(next).toMatchObject({ entries: [{ value: "b" }], reset: false });
      expect(next.cursor).toBeGreaterThan(cursor);
    });

    it("reports the time of its answer", async () => {
      const before = Date.now();
      const { asOf } = await open().since(0);
      expect(asOf).toBeGreaterThanOrEqual(before);
      expect(asOf).toBeLessThanOrEqual(Date.now());
    });

    it("merges entries for the same value into one with the latest expiry", async () => {
      const log = open();
      await log.append(
        [entryOf({ until: inSeconds(1000) }), entryOf({ until: inSeconds(3600) }), entryOf({ until: inSeconds(2000) })],
        "operator",
      );
      expect(await all(log)).toEqual([entryOf({ until: inSeconds(3600) })]);
    });

    it("does not return an entry that changes nothing", async () => {
      const log = open();
      await log.append([entryOf()], "operator");
      const { cursor } = await log.since(0);
      await log.append([entryOf({ cause: "taken", until: inSeconds(1000) })], "operator");
      expect(await log.since(cursor)).toMatchObject({ cursor, entries: [] });
    });

    it("keeps the first cause of a session's end", async () => {
      const log = open();
      await log.append(
        [entryOf({ cause: "taken" }), entryOf({ cause: "revoked", at: inSeconds(5), until: inSeconds(7200) })],
        "operator",
      );
      expect(await all(log)).toEqual([entryOf({ cause: "taken", until: inSeconds(7200) })]);
    });

    it("keeps the latest time up to which a subject's tokens are revoked", async () => {
      const log = open();
      const of = (at: number, until: number) =>
        entryOf({ kind: "subject", at: inSeconds(at), until: inSeconds(until) });
      await log.append([of(5, 3600), of(9, 600)], "operator");
      await log.append([of(1, 600)], "operator");
      expect(await all(log)).toEqual([of(9, 3600)]);
    });

    it("returns operators' valid entries with their notes, the last reason of each, and no viewer's entry", async () => {
      const log = open();
      const note = { author: "night shift", reason: "leaked", of: "digest" };
      await log.append([entryOf({ value: "a", note }), entryOf({ value: "b" }), entryOf({ value: "c" })], "operator");
      await log.append([entryOf({ value: "d" })], "viewer");
      await log.lift("session", "c");
      await log.append([entryOf({ value: "a", note: { author: "day shift", reason: "still leaked" } })], "operator");
      const noted = {
        ...entryOf({ value: "a" }),
        by: "operator",
        note: { author: "day shift", reason: "still leaked" },
      };
      expect(await operators(log)).toEqual([{ ...entryOf({ value: "b" }), by: "operator" }, noted]);
      expect((await log.since(0, "full")).entries.find(({ value }) => value === "a")).toEqual(noted);
      await log.lift("session", "a");
      await log.append([entryOf({ value: "a" })], "operator");
      expect((await operators(log)).at(-1)).toEqual({ ...entryOf({ value: "a" }), by: "operator" });
    });

    it("ignores an entry that has already expired", async () => {
      const log = open();
      await log.append([entryOf({ until: unixSeconds(1) })], "operator");
      expect(await all(log)).toEqual([]);
    });

    it("lifts an entry once", async () => {
      const log = open();
      await log.append([entryOf()], "operator");
      const snapshot = await catchUp(log, new HeldRevocations());
      expect(await log.lift("session", "s1")).toBe(true);
      expect(await log.lift("session", "s1")).toBe(false);
      expect(snapshot.size).toBe(1);
      expect((await catchUp(log, snapshot)).size).toBe(0);
    });

    it("does not send lifted entries to a new snapshot", async () => {
      const log = open();
      await log.append([entryOf(), entryOf({ value: "s2" })], "operator");
      await log.lift("session", "s1");
      expect(await all(log)).toEqual([entryOf({ value: "s2" })]);
    });

    it("keeps the expiry of an operator's entry, whatever a viewer appends", async () => {
      const log = open();
      await log.append([entryOf()], "operator");
      const { cursor } = await log.since(0);
      expect(await log.append([entryOf({ until: inSeconds(1000) })], "viewer")).toBe(0);
      expect(await log.since(cursor)).toMatchObject({ cursor, entries: [] });
      await log.append([entryOf({ value: "s2", cause: "taken", until: inSeconds(1000) })], "viewer");
      await log.append([entryOf({ value: "s2" })], "operator");
      expect(await all(log)).toEqual([entryOf(), entryOf({ value: "s2", cause: "taken" })]);
      expect(await log.lift("session", "s2")).toBe(true);
    });

    it("can shorten a viewer's entry, and returns the change", async () => {
      const log = open();
      await log.append([entryOf()], "viewer");
      const { cursor } = await log.since(0);
      await log.shorten("session", "s1", inSeconds(7200));
      expect(await log.since(cursor)).toMatchObject({ cursor, entries: [] });
      await log.shorten("session", "s1", inSeconds(1000));
      await log.shorten("session", "s2", inSeconds(1000));
      expect((await log.since(cursor)).entries).toEqual([entryOf({ until: inSeconds(1000) })]);
      expect(await all(log)).toEqual([entryOf({ until: inSeconds(1000) })]);
    });

    it("never shortens an operator's entry, even if a viewer's came first", async () => {
      const log = open();
      for (const by of ["viewer", "operator", "viewer"] as const) await log.append([entryOf()], by);
      await log.shorten("session", "s1", inSeconds(1000));
      expect(await all(log)).toEqual([entryOf()]);
    });

    const details = () => ({ lastGrant: inSeconds(9000), subject: "viewer" });

    it("reports in full who made an entry, when its last grant expires and whose it is, and plainly none of that", async () => {
      const log = open();
      const [ended, revoked] = [entryOf({ value: "ended" }), entryOf({ value: "revoked" })];
      await log.append([{ ...ended, ...details() }], "viewer");
      await log.append([revoked], "operator");
      expect(await all(log)).toEqual([ended, revoked]);
      const full = await log.since(0, "full");
      expect(full).toMatchObject({ reset: true, more: false });
      expect(full.entries).toEqual([
        { ...ended, ...details(), by: "viewer" },
        { ...revoked, by: "operator" },
      ]);
      expect((await log.since(full.cursor, "full")).entries).toEqual([]);
    });

    it("keeps the last grant and the subject of an entry that is shortened, and reports it in full also from the beginning", async () => {
      const log = open();
      await log.append([entryOf(details())], "viewer");
      await log.append([entryOf({ kind: "login", value: "l1" })], "viewer");
      const { cursor } = await log.since(0);
      await log.shorten("session", "s1", inSeconds(-1));
      await log.shorten("login", "l1", inSeconds(-1));
      expect(await all(log)).toEqual([]);
      const shortened = [
        { ...entryOf({ ...details(), until: inSeconds(-1) }), by: "viewer" },
        { ...entryOf({ kind: "login", value: "l1", until: inSeconds(-1) }), lastGrant: inSeconds(3600), by: "viewer" },
      ];
      expect((await log.since(0, "full")).entries).toEqual(shortened);
      expect((await log.since(cursor, "full")).entries).toEqual(shortened);
      await log.append([entryOf()], "operator");
      await log.lift("session", "s1");
      await log.lift("login", "l1");
      expect((await log.since(0, "full")).entries).toEqual([shortened[1]]);
    });

    it("merges to the later last grant, and keeps the subject that it knows", async () => {
      const log = open();
      await log.append([entryOf()], "viewer");
      await log.append([entryOf({ lastGrant: inSeconds(5000) })], "viewer");
      await log.append([entryOf(details())], "viewer");
      const { cursor, entries } = await log.since(0, "full");
      expect(entries).toEqual([{ ...entryOf(details()), by: "viewer" }]);
      await log.append([entryOf({ lastGrant: inSeconds(5000), subject: "another" })], "viewer");
      expect((await log.since(cursor, "full")).entries).toEqual([]);
      await log.append([entryOf()], "operator");
      expect((await log.since(cursor, "full")).entries).toEqual([{ ...entryOf(details()), by: "operator" }]);
    });

    it("lifts only an entry with the same kind and value", async () => {
      const log = open();
      await log.append([entryOf()], "operator");
      expect(await log.lift("session", "s2")).toBe(false);
      expect(await log.lift("subject", "s1")).toBe(false);
      expect((await catchUp(log, new HeldRevocations())).size).toBe(1);
    });

    it("can revoke again after a lift", async () => {
      const log = open();
      await log.append([entryOf({ cause: "taken" })], "operator");
      await log.lift("session", "s1");
      await log.append([entryOf({ until: inSeconds(1000) })], "operator");
      expect(await all(log)).toEqual([entryOf({ until: inSeconds(1000) })]);
    });

    it("returns many entries in pages, each entry once", async () => {
      const log = open();
      const values = Array.from({ length: pageSize + 5 }, (_, i) => `s${i}`);
      await log.append(
        values.map((value) => entryOf({ value })),
        "operator",
      );
      const received: string[] = [];
      const sizes: number[] = [];
      let page = await log.since(0);
      for (; ; page = await log.since(page.cursor)) {
        received.push(...page.entries.map(({ value }) => value));
        sizes.push(page.entries.length);
        if (!page.more) break;
      }
      expect(sizes).toEqual([pageSize, 5]);
      expect(received).toEqual(values);
      expect(await log.since(page.cursor)).toMatchObject({ cursor: page.cursor, entries: [], reset: false });
    });

    it("sends everything again, with a reset, for an unknown cursor", async () => {
      const log = open();
      await log.append([entryOf()], "operator");
      const { cursor } = await log.since(0);
      expect(await log.since(cursor + 1)).toMatchObject({ reset: true, entries: [entryOf()], cursor });
    });

    it("leads every reader to the same snapshot, however often it reads", async () => {
      const kind = fc.constantFrom(...revocationKinds);
      const value = fc.constantFrom("a", "b", "c");
      const end = fc.integer({ min: 1000, max: 5000 }).map(inSeconds);
      const step = fc.oneof(
        fc.record({ is: fc.constant("append" as const), entry: fc.record({ kind, value, at: end, until: end }) }),
        fc.record({ is: fc.constant("lift" as const), kind, value }),
        fc.record({ is: fc.constant("follow" as const) }),
      );
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
          const log = open();
          const follower = new HeldRevocations();
          const forbidden = new Set<string>();
          for (const next of steps) {
            if (next.is === "append") {
              await log.append([entryOf(next.entry)], "operator");
              forbidden.add(`${next.entry.kind} ${next.entry.value}`);
            } else if (next.is === "lift") {
              const name = `${next.kind} ${next.value}`;
              expect(await log.lift(next.kind, next.value)).toBe(forbidden.delete(name));
            } else await catchUp(log, follower);
          }
          await catchUp(log, follower);
          const newcomer = await catchUp(log, new HeldRevocations());
          expect(follower.entries).toEqual(newcomer.entries);
          const revoked = Object.values(newcomer.entries).flatMap((ofKind) => [...ofKind.values()]);
          expect(new Set(revoked.map((entry) => `${entry.kind} ${entry.value}`))).toEqual(forbidden);
        }),
        { numRuns: 40 },
      );
    });
  });
}
