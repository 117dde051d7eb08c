import { describe, expect, it } from "vitest";
import { type MillisecondClock, unixMilliseconds, unixSeconds } from "../../../src/base/time.ts";
import { entryOfEnded, type Revocation } from "../../../src/sessions/revocation.ts";
import {
  openRevocationStore,
  type RevocationBounds,
  type RevocationDatabase,
  writePage,
} from "../../../src/sessions/revocation-store.ts";
import { revocationLogContract } from "./revocation-log-contract.ts";

const start = 1_800_000_000;
const at = (by: number) => unixSeconds(start + by);
const forGood = unixSeconds(253_402_300_799);
const entry: Revocation = { kind: "session", value: "s", cause: "revoked", at: at(0), until: at(100) };

/** SQLite in memory; undefined in workerd, in which only Durable Objects have SQLite (see revocation-logs.test.ts). */
function sqliteOf(): (() => RevocationDatabase) | undefined {
  if (navigator.userAgent === "Cloudflare-Workers") return undefined;
  const sqlite = process.getBuiltinModule("node:sqlite");
  return () => {
    const database = new sqlite.DatabaseSync(":memory:");
    return {
      sql: {
        exec: (statement, ...bindings) => {
          if (bindings.length === 0 && !/^\s*SELECT/.test(statement)) database.exec(statement);
          else
            return database
              .prepare(statement)
              .all(...bindings)
              .map(rowOf);
          return [];
        },
      },
      transaction: (work) => {
        database.exec("BEGIN");
        try {
          const value = work();
          database.exec("COMMIT");
          return value;
        } catch (error) {
          database.exec("ROLLBACK");
          throw error;
        }
      },
    };
  };
}

function rowOf(row: Record<string, unknown>): Record<string, string | number | null> {
  const cells = Object.entries(row).map(([name, cell]) => {
    if (typeof cell === "string" || typeof cell === "number" || cell === null) return [name, cell] as const;
    throw new TypeError("unexpected column type");
  });
  return Object.fromEntries(cells);
}

const newDatabase = sqliteOf();

describe.skipIf(newDatabase === undefined)("in Node, which has SQLite,", () => {
  revocationLogContract(
    "SQLite",
    () => {
      const database = newDatabase?.();
      if (database === undefined) throw new Error("no SQLite");
      const bounds = { pageSize: 100, fullAt: 100_000 };
      const store = openRevocationStore(database, () => unixMilliseconds(Date.now()), bounds);
      return {
        append: async (entries, by) => store.append(entries, by),
        shorten: async (kind, value, until) => store.shorten(kind, value, until),
        lift: async (kind, value) => store.lift(kind, value),
        since: async (cursor, detail) => ({ ...store.since(cursor, detail), asOf: unixMilliseconds(Date.now()) }),
      };
    },
    100,
  );
});

describe.skipIf(newDatabase === undefined)("the revocation log in SQLite", () => {
  function open(database = newDatabase?.(), bounds?: RevocationBounds) {
    if (database === undefined) throw new Error("no SQLite");
    const time = { now: start * 1000, readsLeft: Number.POSITIVE_INFINITY };
    const clock: MillisecondClock = () => {
      if (time.readsLeft-- <= 0) throw new Error("the clock stopped");
      return unixMilliseconds(time.now);
    };
    return { store: openRevocationStore(database, clock, bounds), time, database };
  }

  it("adds all entries of a call or none", () => {
    const { store, time } = open();
    time.readsLeft = 4; // The decision needs three reads and each entry one, so the first is written.
    expect(() => store.append([entry, { ...entry, value: "t" }], "viewer")).toThrow("the clock stopped");
    time.readsLeft = Number.POSITIVE_INFINITY;
    expect(store.since(0).entries).toEqual([]);
    store.append([entry], "viewer");
    expect(store.since(0).entries).toEqual([entry]);
  });

  it("reports the next expiry, and then removes only expired entries", () => {
    const { store, time } = open();
    expect(store.nextEnd()).toBeUndefined();
    store.append([entry, { ...entry, value: "t", until: at(200) }], "viewer");
    expect(store.nextEnd()).toBe(at(100));
    time.now += 99_999;
    store.removeEnded();
    expect(store.since(0).entries).toHaveLength(2);
    time.now += 1;
    store.removeEnded();
    expect(store.since(0).entries.map(({ value }) => value)).toEqual(["t"]);
    expect(store.nextEnd()).toBe(at(200));
  });

  it("removes an entry without an expiry a quarter of an hour after it was lifted", () => {
    const { store, time } = open();
    store.append([{ ...entry, until: forGood }], "operator");
    time.now += 10 * 366 * 86_400_000;
    store.removeEnded();
    expect(store.since(0).entries).toHaveLength(1);
    store.lift("session", "s");
    const before = store.nextEnd();
    time.now += 899_000;
    store.removeEnded();
    expect(store.nextEnd()).toBe(before);
    time.now += 1_000;
    store.removeEnded();
    expect(store.nextEnd()).toBeUndefined();
  });

  it("keeps a lifted entry that was revoked again for less time until no snapshot has the old one", () => {
    const { store, time } = open();
    store.append([entry], "viewer");
    const { cursor } = store.since(0);
    store.lift("session", "s");
    store.append([{ ...entry, until: at(50) }], "viewer");
    time.now += 60_000;
    store.removeEnded();
    expect(store.since(cursor).entries).toEqual([{ ...entry, until: at(50) }]);
  });

  describe("if it is full,", () => {
    const bounds = { pageSize: 100, fullAt: 3 };
    const named = (value: string, until = 100): Revocation => ({ ...entry, value, until: at(until) });
    const full = () => {
      const fullStore = open(undefined, bounds);
      expect(
        fullStore.store.append(
          ["a", "b", "c"].map((value) => named(value)),
          "viewer",
        ),
      ).toBe(0);
      return fullStore;
    };
    const left = ["ends-left-out", "sign-outs-left-out"];
    const all = ({ store }: ReturnType<typeof full>) => store.since(0).entries.map(({ value }) => value);
    const values = (of: ReturnType<typeof full>) => all(of).filter((value) => !left.includes(value));
    const note = (fullStore: ReturnType<typeof full>, name: string) =>
      fullStore.store.since(0).entries.find(({ kind, value }) => kind === "subject" && value === name);

    it("drops viewers' new entries and reports how many", () => {
      const fullStore = full();
      expect(fullStore.store.append([named("d"), named("a", 200), named("e")], "viewer")).toBe(2);
      expect(values(fullStore)).toEqual(["b", "c", "a"]);
    });

    it("adds one entry for all sign-outs that it drops, until no file and no token of them is valid", () => {
      const fullStore = full();
      const signOut = (value: string, until: number): Revocation => ({ ...named(value, until), kind: "login" });
      const leftOut = () => note(fullStore, "sign-outs-left-out");
      fullStore.store.append([named("d")], "viewer");
      expect(leftOut()).toBe(undefined);
      const aWeek = 604_800;
      expect(fullStore.store.append([signOut("l1", aWeek + 900), signOut("l2", aWeek + 900)], "viewer")).toBe(2);
      expect(all(fullStore)).toEqual(["a", "b", "c", ...left]);
      const atLeast = at(3600 + 120);
      expect(leftOut()?.until).toBeGreaterThanOrEqual(atLeast);
      expect(leftOut()?.until).toBeLessThan(atLeast + 600);
      const { cursor } = fullStore.store.since(0);
      fullStore.store.append([signOut("l3", aWeek + 900)], "viewer");
      expect(fullStore.store.since(cursor).entries).toEqual([]);
      fullStore.store.append([signOut("l4", aWeek + 9000)], "viewer");
      expect(fullStore.store.since(cursor).entries.map(({ value }) => value)).toEqual(left);
      expect(leftOut()?.until).toBeGreaterThanOrEqual(at(9000 + 120));
    });

    it("adds one entry for all ends that it drops, until the last grant of their sessions has expired", () => {
      const fullStore = full();
      const until = () => note(fullStore, "ends-left-out")?.until ?? 0;
      expect(until()).toBe(0);
      const ended = (value: string, lastGrant?: number): Revocation => ({
        ...named(value),
        ...(lastGrant !== undefined && { lastGrant: at(lastGrant) }),
      });
      fullStore.store.append([ended("d", 5000)], "viewer");
      expect([until() >= at(5000), until() < at(5600)]).toEqual([true, true]);
      const { cursor } = fullStore.store.since(0);
      fullStore.store.append([ended("e", 4000)], "viewer");
      expect(fullStore.store.since(cursor).entries).toEqual([]);
      fullStore.store.append([{ ...named("l", 9000), kind: "login" }], "viewer");
      expect([until() >= at(9000), until() < at(9600)]).toEqual([true, true]);
      fullStore.store.append([ended("f")], "viewer");
      expect(until()).toBeGreaterThanOrEqual(fullStore.time.now / 1000 + 604_800);
      expect(values(fullStore)).toEqual(["a", "b", "c"]);
    });

    it("accepts any number of operators' entries", () => {
      const fullStore = full();
      expect(fullStore.store.append([named("d"), named("e")], "operator")).toBe(0);
      expect(values(fullStore)).toEqual(["a", "b", "c", "d", "e"]);
      expect(fullStore.store.append([named("f")], "viewer")).toBe(1);
    });

    it("accepts viewers' entries again after others have expired, even before those are removed", () => {
      const fullStore = full();
      fullStore.time.now += 99_000;
      expect(fullStore.store.append([named("d", 300)], "viewer")).toBe(1);
      fullStore.time.now += 10_000;
      expect(fullStore.store.append([named("d", 300)], "viewer")).toBe(0);
      expect(values(fullStore)).toEqual(["d"]);
    });

    it("is still full after it is reopened", () => {
      const { database } = full();
      const again = open(database, bounds);
      expect(again.store.append([named("d")], "viewer")).toBe(1);
    });

    it("does not count entries that were rolled back", () => {
      const fullStore = open(undefined, bounds);
      fullStore.time.readsLeft = 5; // The first two entries are written, and the third is not.
      expect(() =>
        fullStore.store.append(
          ["a", "b", "c"].map((value) => named(value)),
          "viewer",
        ),
      ).toThrow("the clock stopped");
      fullStore.time.readsLeft = Number.POSITIVE_INFINITY;
      expect(
        fullStore.store.append(
          ["a", "b", "c"].map((value) => named(value)),
          "viewer",
        ),
      ).toBe(0);
    });
  });

  it("contains only sessions that ended within a lease and two minutes, even with a million ends a day", () => {
    const { store, time } = open();
    const [sessionsADay, sweep] = [1_000_000, 60];
    const sizes: number[] = [];
    let ended = 0;
    for (let second = 0; second < 1_200; second++) {
      const due = Math.floor(((second + 1) * sessionsADay) / 86_400);
      const now = at(second);
      const streams = Array.from(
        { length: due - ended },
        (_, i) => `AQEBAQEBAQEBAQ${String(ended + i).padStart(8, "0")}`,
      );
      const entries = streams.map((sessionId) =>
        entryOfEnded({ sessionId, leaseUntil: at(second + 90) }, "revoked", now, "viewer"),
      );
      store.append(entries, "viewer");
      ended = due;
      time.now += 1_000;
      if (second % sweep === 0) store.removeEnded();
      if (second > 300) sizes.push(store.since(0).entries.length);
    }
    expect(Math.max(...sizes)).toBeLessThanOrEqual(2_450);
    // The download of a new isolate, in characters: a hundredth of the size with entries that last as long as their grants.
    expect(writePage(store.since(0)).length).toBeLessThan(180_000);
  });

  it("keeps its entries and cursors when it is reopened", () => {
    const { store, database } = open();
    store.append([entry], "viewer");
    const { cursor } = store.since(0);
    const again = open(database).store;
    expect(again.since(cursor)).toMatchObject({ cursor, reset: false, entries: [] });
    expect(again.since(0).entries).toEqual([entry]);
  });

  it("continues its cursors if the clock goes back", () => {
    const { store, time } = open();
    store.append([entry], "viewer");
    const { cursor } = store.since(0);
    time.now -= 50_000;
    store.append([{ ...entry, value: "t" }], "viewer");
    expect(store.since(cursor)).toMatchObject({ reset: false, entries: [{ value: "t" }] });
  });

  it("starts after every cursor of an earlier database, so that those get a reset", () => {
    const earlier = open();
    earlier.store.append(
      Array.from({ length: 1000 }, (_, i) => ({ ...entry, value: `s${i}` })),
      "viewer",
    );
    const { cursor } = earlier.store.since(0);
    earlier.time.now += 1;
    const later = openRevocationStore(newDatabase?.() ?? earlier.database, () => unixMilliseconds(earlier.time.now));
    later.append([entry], "viewer");
    expect(later.since(cursor)).toMatchObject({ reset: true, entries: [entry] });
  });
});
