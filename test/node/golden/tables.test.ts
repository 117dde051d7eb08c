import { createHash } from "node:crypto";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, it } from "vitest";
import type { SqlRow, SqlStore } from "../../../src/base/sql-store.ts";
import { unixMilliseconds, unixSeconds } from "../../../src/base/time.ts";
import { unseen } from "../../../src/sessions/lease-rows.ts";
import { sqlLeaseRows } from "../../../src/sessions/lease-rows-sql.ts";
import { openRevocationStore } from "../../../src/sessions/revocation-store.ts";
import leases from "../../golden/leases-v2.json";
import tables from "../../golden/tables-v1.json";

/**
 * The tables of Durable Objects outlive every release. A new release reads rows of the old one, and after a rollback
 * the old release reads rows of the new one. So tables only gain optional columns, and columns keep their meaning.
 */
describe("the tables of version 1", () => {
  it("never change", () => {
    const hex = createHash("sha256").update(JSON.stringify(tables)).digest("hex");
    expect(hex).toBe("f4075a15cafb79e0a6fb32ce3093796b71b92f9c8f472e420d8547711d24e8c8");
  });

  it("have leases of version 2, which never change either", () => {
    const hex = createHash("sha256").update(JSON.stringify(leases)).digest("hex");
    expect(hex).toBe("852b29ecb7559b9eefc145f056dea5d17529faed2f838a0bb1c1c8afaec46e03");
  });

  it("contain leases that this release reads and extends", () => {
    const database = databaseOf("lease");
    const rows = sqlLeaseRows(storeOf(database));
    expect([...rows.all()]).toMatchObject([
      {
        sessionId: "s1",
        assetId: "film",
        startedAt: 1_795_000_000,
        seenAt: 1_795_000_060,
        expiresAt: 1_795_021_600,
        leaseUntil: 1_795_000_150,
        limit: 2,
        ended: undefined,
        networks: [{ network: "n1", seenAt: 1_795_000_060 }],
        login: "l1",
      },
      { sessionId: "s2", assetId: "", limit: undefined, ended: "revoked", networks: [], login: undefined },
    ]);
    expect([...rows.markers()]).toEqual([{ kind: "moved_to", name: "other", until: 1_795_021_600 }]);
    expect(rows.networkKey()).toBe("bmV0d29yaw");
    const startedBy = { token: "t3", signer: "be-1" };
    rows.put({ ...unseen("s3", unixSeconds(1_795_021_600), unixSeconds(1_795_000_150)), startedBy });
    expect([...rows.all()].map((row) => [row.sessionId, row.startedBy])).toEqual([
      ["s1", undefined],
      ["s2", undefined],
      ["s3", startedBy],
    ]);
    expect([...rows.quotas()]).toEqual([]);
    expect([...sqlLeaseRows(storeOf(database)).all()].at(-1)).toMatchObject({ sessionId: "s3", startedBy });
  });

  it("contain leases of version 2 that this release reads, and that version 1 can use after a rollback", () => {
    const database = new DatabaseSync(":memory:");
    database.exec(leases.create);
    for (const statement of leases.write) database.exec(statement);
    const startedBy = { token: "t1", signer: "be-1" };
    const [row] = sqlLeaseRows(storeOf(database)).all();
    expect(row).toMatchObject({ sessionId: "s1", login: "l1", startedBy });
    // Version 1 renews the session: it knows nothing of the columns, and changes nothing in them.
    database.exec(`INSERT INTO lease (session_id, asset_id, started_at, seen_at, expires_at, lease_until, networks)
      VALUES ('s1', 'film', 1, 1, 1, 1, '[]') ON CONFLICT (session_id) DO UPDATE SET seen_at = 1795000090`);
    expect([...sqlLeaseRows(storeOf(database)).all()]).toMatchObject([{ seenAt: 1_795_000_090, startedBy }]);
    for (const statement of [...tables.lease.read, ...leases.read])
      expect(() => database.prepare(statement).all()).not.toThrow();
  });

  it("contain revocations that this release reads and extends", () => {
    const database = databaseOf("revocation");
    const now = unixMilliseconds(1_795_000_100_000);
    const transaction = <Value>(work: () => Value) => work();
    const store = openRevocationStore({ sql: storeOf(database), transaction }, () => now);
    const { reset, entries } = store.since(1_838_080_000_000_000);
    expect({ reset, entries }).toEqual({
      reset: false,
      entries: [{ kind: "login", value: "l1", cause: "revoked", at: 1_795_000_000, until: 1_795_021_600 }],
    });
    expect(store.lift("login", "l1")).toBe(true);
    const session = { kind: "session", value: "s1", cause: "taken", at: 1_795_000_100, until: 1_795_000_300 } as const;
    const entry = { ...session, at: unixSeconds(session.at), until: unixSeconds(session.until) };
    const details = { lastGrant: unixSeconds(1_795_021_600), subject: "ann" };
    store.append([{ ...entry, ...details }], "viewer");
    const again = openRevocationStore({ sql: storeOf(database), transaction }, () => now);
    expect(again.since(0, "full").entries).toEqual([{ ...entry, ...details, by: "viewer" }]);
  });

  it.each(["lease", "revocation"] as const)("can be used by version 1 after a rollback: %s", (name) => {
    const database = new DatabaseSync(":memory:");
    const sql = storeOf(database);
    if (name === "lease") sqlLeaseRows(sql).put(unseen("new", unixSeconds(1_795_021_600), unixSeconds(0)));
    else openRevocationStore({ sql, transaction: (work) => work() }, () => unixMilliseconds(1_795_000_000_000));
    database.exec(tables[name].create); // Version 1 creates missing tables, and must not fail.
    for (const statement of tables[name].write) database.exec(statement);
    for (const statement of tables[name].read) expect(database.prepare(statement).all().length).toBeGreaterThan(0);
  });
});

/** A database that version 1 created and filled. */
function databaseOf(name: keyof typeof tables): DatabaseSync {
  const database = new DatabaseSync(":memory:");
  database.exec(tables[name].create);
  for (const statement of tables[name].write) database.exec(statement);
  return database;
}

function storeOf(database: DatabaseSync): SqlStore {
  return {
    exec: (statement, ...bindings) => {
      if (bindings.length > 0 || /^\s*SELECT/.test(statement))
        return database
          .prepare(statement)
          .all(...bindings)
          .map(rowOf);
      database.exec(statement);
      return [];
    },
  };
}

function rowOf(row: Readonly<Record<string, unknown>>): SqlRow {
  const cells = Object.entries(row).map(([name, cell]) => {
    if (typeof cell === "string" || typeof cell === "number" || cell === null) return [name, cell] as const;
    throw new TypeError("a column of another type");
  });
  return Object.fromEntries(cells);
}
