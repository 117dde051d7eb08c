import { describe, expect, it } from "vitest";
import { type MillisecondClock, unixMilliseconds } from "../../../src/base/milliseconds.ts";
import { unixSeconds } from "../../../src/base/seconds.ts";
import type { Revocation } from "../../../src/sessions/revocation.ts";
import { openRevocationBook, type RevocationStore } from "../../../src/sessions/revocation-book.ts";
import { revocationLogContract } from "../adapters/revocation-log-contract.ts";

const start = 1_800_000_000;
const at = (by: number) => unixSeconds(start + by);
const entry: Revocation = { kind: "session", value: "s", cause: "revoked", at: at(0), until: at(100) };

/** SQLite in memory; undefined in workerd, where a Durable Object has the only one (see revocation-logs.test.ts). */
function sqliteOf(): (() => RevocationStore) | undefined {
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
    throw new TypeError("a column of another type");
  });
  return Object.fromEntries(cells);
}

const newStore = sqliteOf();

describe.skipIf(newStore === undefined)("the revocation log in SQLite", () => {
  function open(store = newStore?.()) {
    if (store === undefined) throw new Error("no SQLite");
    const time = { now: start * 1000, readsLeft: Number.POSITIVE_INFINITY };
    const clock: MillisecondClock = () => {
      if (time.readsLeft-- <= 0) throw new Error("the clock stopped");
      return unixMilliseconds(time.now);
    };
    return { book: openRevocationBook(store, clock), time, store };
  }

  revocationLogContract("SQLite", () => {
    const store = newStore?.();
    if (store === undefined) throw new Error("no SQLite");
    const book = openRevocationBook(store, () => unixMilliseconds(Date.now()));
    return {
      append: async (entries) => book.append(entries),
      lift: async (kind, value) => book.lift(kind, value),
      since: async (cursor) => book.since(cursor),
    };
  });

  it("adds all of a call or none", () => {
    const { book, time } = open();
    time.readsLeft = 3; // the first entry takes two, so the second has begun
    expect(() => book.append([entry, { ...entry, value: "t" }])).toThrow("the clock stopped");
    time.readsLeft = Number.POSITIVE_INFINITY;
    expect(book.since(0).entries).toEqual([]);
    book.append([entry]);
    expect(book.since(0).entries).toEqual([entry]);
  });

  it("says when something ends, and then removes just that", () => {
    const { book, time } = open();
    expect(book.nextEnd()).toBeUndefined();
    book.append([entry, { ...entry, value: "t", until: at(200) }]);
    expect(book.nextEnd()).toBe(at(100));
    time.now += 99_999;
    book.removeEnded();
    expect(book.since(0).entries).toHaveLength(2);
    time.now += 1;
    book.removeEnded();
    expect(book.since(0).entries.map(({ value }) => value)).toEqual(["t"]);
    expect(book.nextEnd()).toBe(at(200));
  });

  it("keeps what was taken back until nobody can hold it, even where it was forbidden again for shorter", () => {
    const { book, time } = open();
    book.append([entry]);
    const { cursor } = book.since(0);
    book.lift("session", "s");
    book.append([{ ...entry, until: at(50) }]);
    time.now += 60_000;
    book.removeEnded();
    expect(book.since(cursor).entries).toEqual([{ ...entry, until: at(50) }]);
  });

  it("opens again where it was, with every cursor", () => {
    const { book, store } = open();
    book.append([entry]);
    const { cursor } = book.since(0);
    const again = open(store).book;
    expect(again.since(cursor)).toMatchObject({ cursor, reset: false, entries: [] });
    expect(again.since(0).entries).toEqual([entry]);
  });

  it("counts on where the clock goes back", () => {
    const { book, time } = open();
    book.append([entry]);
    const { cursor } = book.since(0);
    time.now -= 50_000;
    book.append([{ ...entry, value: "t" }]);
    expect(book.since(cursor)).toMatchObject({ reset: false, entries: [{ value: "t" }] });
  });

  it("begins behind every cursor of a life before", () => {
    const before = open();
    before.book.append(Array.from({ length: 1000 }, (_, i) => ({ ...entry, value: `s${i}` })));
    const { cursor } = before.book.since(0);
    before.time.now += 1;
    const after = openRevocationBook(newStore?.() ?? before.store, () => unixMilliseconds(before.time.now));
    after.append([entry]);
    expect(after.since(cursor)).toMatchObject({ reset: true, entries: [entry] });
  });
});
