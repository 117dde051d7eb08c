import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import {
  seconds,
  systemClock,
  systemMillisecondClock,
  systemTimer,
  unixMilliseconds,
  unixSeconds,
} from "../../../src/base/time.ts";
import { editInTurn } from "../../../src/catalog/edit-in-turn.ts";
import { StoredGathering } from "../../../src/metrics/stored-gathering.ts";
import { nodeSha256, oneShotHmac } from "../../../src/platform/node/node-crypto.ts";
import { openSqlite } from "../../../src/platform/node/sqlite-database.ts";
import {
  type CatalogText,
  gatheredIn,
  makeTables,
  removeExpired,
  type SqliteConnections,
  sqliteCatalog,
  sqliteLeases,
  sqliteLimits,
  sqliteProofs,
  sqliteRevocationLog,
} from "../../../src/platform/node/sqlite-stores.ts";
import { documentStreams } from "../../../src/sessions/document-streams.ts";
import type { StreamsOf } from "../../../src/sessions/lease.ts";
import type { LeaseDocuments } from "../../../src/sessions/lease-document.ts";
import { limitsContract } from "../../unit/auth/limits-contract.ts";
import { proofsContract } from "../../unit/auth/proofs-contract.ts";
import { catalogEditingContract } from "../../unit/catalog/catalog-editing-contract.ts";
import { r2, sampleDocument } from "../../unit/catalog/sample.ts";
import { countOf, gatheredContract, reportOf } from "../../unit/metrics/gathered-contract.ts";
import { quotaContract } from "../../unit/sessions/quota-contract.ts";
import { revocationLogContract } from "../../unit/sessions/revocation-log-contract.ts";
import { signOutContract } from "../../unit/sessions/sign-out-contract.ts";
import { at, claimOf, endingOf, streamsContract, touchOf } from "../../unit/sessions/streams-contract.ts";

const folder = mkdtempSync(join(tmpdir(), "stagedoor-sqlite-"));
const opened: SqliteConnections[] = [];
let files = 0;

afterAll(() => {
  for (const { usual, durable } of opened) {
    usual.close();
    durable.close();
  }
  rmSync(folder, { recursive: true });
});

/** Two connections as `serve` opens them, to a new file or to one that is open already. */
function connect(file = join(folder, `${files++}.sqlite`)): SqliteConnections & { readonly file: string } {
  const connections = { usual: openSqlite(file, { durable: false }), durable: openSqlite(file, { durable: true }) };
  makeTables(connections);
  opened.push(connections);
  return { ...connections, file };
}

function streamsIn(documents: LeaseDocuments): StreamsOf {
  const random = (length: number) => crypto.getRandomValues(new Uint8Array(length));
  const times = { leaseTtl: seconds(90), writeInterval: seconds(30) };
  return documentStreams({ documents, times, secrets: { hmac: oneShotHmac, random }, clock: systemClock });
}

/** Documents with the number of times that each was written. */
function counted(documents: LeaseDocuments) {
  const writes = new Map<string, number>();
  return {
    writes,
    documents: {
      read: documents.read,
      replace: async (...[name, known, document]: Parameters<LeaseDocuments["replace"]>) => {
        const written = await documents.replace(name, known, document);
        if (written) writes.set(name, (writes.get(name) ?? 0) + 1);
        return written;
      },
    },
  };
}

for (const contract of [streamsContract, signOutContract, quotaContract])
  contract("SQLite", () => {
    const { documents, writes } = counted(sqliteLeases(connect()));
    let streams = streamsIn(documents);
    return {
      streamsOf: (subject, older) => streams(subject, older),
      writes: async (subject) => writes.get(subject) ?? 0,
      restart: async () => {
        streams = streamsIn(documents);
      },
    };
  });

revocationLogContract(
  "SQLite's file",
  () => sqliteRevocationLog(connect(), systemMillisecondClock, { pageSize: 100, fullAt: 100_000 }),
  100,
);
limitsContract("SQLite", sqliteLimits(connect()), async () => undefined);
proofsContract("SQLite", () => sqliteProofs(connect()));
gatheredContract("SQLite", () => gatheredIn(gatheringIn(connect())), systemClock);
catalogEditingContract("SQLite", async () => {
  const store = sqliteCatalog(connect());
  const open = () => editingOf(store);
  let editing = open();
  return {
    editing: {
      read: () => editing.read(),
      put: (...words) => editing.put(...words),
      set: (id, members) => editing.set(id, members),
      remove: (id) => editing.remove(id),
    },
    text: store.load,
    write: store.save,
    restart: async () => {
      editing = open();
    },
  };
});

function editingOf(store: CatalogText) {
  return editInTurn({
    store: { load: store.load, save: store.replace },
    notes: { read: () => undefined, write: () => undefined },
    clock: systemClock,
    timer: systemTimer,
    sha256: nodeSha256,
  });
}

/** A catalog that is read after a while, so that several processes edit the same text. */
function slowCatalog(all: SqliteConnections): CatalogText {
  const store = sqliteCatalog(all);
  const slowLoad = async () => {
    const text = await store.load();
    await new Promise((resolve) => setTimeout(resolve, 2));
    return text;
  };
  return { ...store, load: slowLoad };
}

function gatheringIn({ usual }: SqliteConnections): StoredGathering {
  return new StoredGathering(usual, systemClock, seconds(90));
}

describe("two processes with one file", () => {
  it("together grant no more streams than the limit", async () => {
    const { file } = connect();
    const processes = [connect(file), connect(file), connect(file)].map((all) => streamsIn(sqliteLeases(all)));
    const claims = Array.from({ length: 60 }, (_, i) =>
      processes[i % 3]?.("viewer").claim(claimOf(`s${i}`, 0, { limit: 2 })),
    );
    const statuses = (await Promise.all(claims)).map((answer) => answer?.status);
    expect(statuses.filter((status) => status === "granted")).toHaveLength(2);
  });

  it("together allow no more requests than the quota, and accept a proof once", async () => {
    const { file } = connect();
    const processes = [connect(file), connect(file)];
    const policy = { name: "start-subject", quota: 3, window: seconds(3600) };
    const limits = processes.map(sqliteLimits);
    const taken = await Promise.all(Array.from({ length: 20 }, (_, i) => limits[i % 2]?.take(policy, "ann", at(0))));
    expect(taken.filter((status) => status?.allowed)).toHaveLength(3);
    const proofs = await Promise.all(processes.map((all) => sqliteProofs(all).firstUse("key", "proof", at(60))));
    expect(proofs.toSorted()).toEqual([false, true]);
  });

  it("together lose no change of the catalog", async () => {
    const { file } = connect();
    const processes = [connect(file), connect(file), connect(file)].map((all) => editingOf(slowCatalog(all)));
    const edits = Array.from({ length: 12 }, (_, i) =>
      processes[i % 3]?.put(`film-${i}`, sampleDocument({ id: `film-${i}`, origin: r2(`film-${i}/`) })),
    );
    expect((await Promise.all(edits)).map((answer) => answer?.ok)).toEqual(edits.map(() => true));
    const stored = await processes[0]?.read();
    expect(stored?.ok && stored.value.assets.length).toBe(12);
  });

  it("together count each report once, also after one of them has replaced the reports by a snapshot", async () => {
    const { file } = connect();
    const processes = [connect(file), connect(file), connect(file)].map((all) => gatheredIn(gatheringIn(all)));
    for (let n = 1; n <= 1_200; n++) {
      const report = reportOf({
        from: { isolate: `p${n % 2}`, sequence: n },
        counts: [["stagedoor_started_total", 1]],
        states: [["version", n < 600 ? "api 1.0.0" : "api 1.1.0"]],
      });
      await processes[n % 2]?.report(report);
      // A report that is sent again may reach another process.
      if (n % 100 === 0) await processes[2]?.report(report);
    }
    const started = gatheredIn(gatheringIn(connect(file)));
    for (const gathered of [...processes, started]) {
      expect(await countOf(gathered, "stagedoor_started_total")).toBe(1_200);
      const { buckets, marks } = await gathered.history();
      expect(buckets.map(({ sums }) => sums.start_accepted)).toEqual([1_200]);
      expect(marks.map(({ state }) => state)).toEqual(["api 1.1.0"]);
    }
  });

  it("read the counts that a release without a history stored", async () => {
    const { file } = connect();
    const before = gatheredIn(gatheringIn(connect(file)));
    for (let n = 0; n < 502; n++) await before.report(reportOf({ counts: [["stagedoor_started_total", 1]] }));
    const { sql } = connect(file).usual;
    sql.exec("DELETE FROM snapshot WHERE part IN ('buckets', 'marks', 'states')");
    const after = gatheredIn(gatheringIn(connect(file)));
    expect(await countOf(after, "stagedoor_started_total")).toBe(502);
    expect((await after.history()).buckets.map(({ sums }) => sums.start_accepted)).toEqual([1]);
  });

  it("read each other's revocations, and continue after both were closed", async () => {
    const { file } = connect();
    const clock = () => unixMilliseconds(at(0) * 1000);
    const [first, second] = [connect(file), connect(file)].map((all) => sqliteRevocationLog(all, clock));
    await first?.append([{ kind: "session", value: "s1", cause: "revoked", at: at(0), until: at(60) }], "operator");
    expect((await second?.since(0))?.entries.map(({ value }) => value)).toEqual(["s1"]);
    expect((await sqliteRevocationLog(connect(file), clock).since(0)).entries).toHaveLength(1);
  });

  it("whose names of a subject take over from each other at once lose no stream and forward in no circle", async () => {
    const { file } = connect();
    const [first, second] = [connect(file), connect(file)].map((all) => streamsIn(slowly(sqliteLeases(all))));
    await first?.("old").claim(claimOf("s0", 0));
    await second?.("new").claim(claimOf("s1", 0));
    await Promise.allSettled([
      first?.("old", ["new"]).claim(claimOf("s2", 1)),
      second?.("new", ["old"]).claim(claimOf("s3", 1)),
    ]);
    // Each can be retried; afterwards both names list the same streams.
    await first?.("old", ["new"]).claim(claimOf("s2", 2));
    const refused = await second?.("new", ["old"]).claim(claimOf("s3", 2));
    expect(refused?.status).toBe("limited");
    const lists = [await first?.("old", ["new"]).running(at(3)), await second?.("new", ["old"]).running(at(3))];
    for (const list of lists) expect(list?.map(({ sessionId }) => sessionId).toSorted()).toEqual(["s0", "s1", "s2"]);
  });
});

/** Documents that answer reads after a while, so that two processes decide on the same version. */
function slowly(documents: LeaseDocuments): LeaseDocuments {
  return {
    read: async (name) => {
      const stored = await documents.read(name);
      await new Promise((resolve) => setTimeout(resolve, 2));
      return stored;
    },
    replace: documents.replace,
  };
}

describe("the file", () => {
  it("gives up expired leases, quotas and proofs, and keeps the others", async () => {
    const all = connect();
    const streams = streamsIn(sqliteLeases(all));
    await streams("gone").claim(claimOf("s0", 0, { expiresAt: at(100) }));
    await streams("here").claim(claimOf("s1", 0, { expiresAt: at(9000) }));
    await sqliteProofs(all).firstUse("key", "gone", at(60));
    await sqliteLimits(all).take({ name: "p", quota: 1, window: seconds(60) }, "gone", at(0));
    // A lease, an end that was not written, and a slow clock.
    removeExpired(all, unixSeconds(at(100) + 90 + 60 + 60));
    const left = ["lease_document", "used_proof", "rate_window"].map((table) => [
      ...all.usual.sql.exec(`SELECT * FROM ${table}`),
    ]);
    expect(left.map((rows) => rows.length)).toEqual([1, 0, 0]);
    expect(await streams("here").show("s1", at(1))).toBeDefined();
  });

  it("writes an end with the durable connection, and a start with the other", async () => {
    const { usual, durable } = connect();
    const used: string[] = [];
    const noted = (name: string, { sql, ...rest }: SqliteConnections["usual"]) => ({
      ...rest,
      sql: {
        exec: (...[statement, ...bindings]: Parameters<typeof sql.exec>) => {
          if (!statement.startsWith("SELECT")) used.push(name);
          return sql.exec(statement, ...bindings);
        },
      },
    });
    const streams = streamsIn(sqliteLeases({ usual: noted("usual", usual), durable: noted("durable", durable) }));
    await streams("ann").claim(claimOf("s0", 0));
    await streams("ann").end(endingOf("s0", 1));
    expect(used).toEqual(["usual", "durable"]);
  });

  it("has no text that is not a document: it is an error and no empty list", async () => {
    const { usual } = connect();
    usual.sql.exec("INSERT INTO lease_document (name, version, text, remove_at) VALUES ('ann', '1', '{}', 1)");
    await expect(streamsIn(sqliteLeases({ usual, durable: usual }))("ann").touch(touchOf("s0", 0))).rejects.toThrow(
      TypeError,
    );
  });

  it("rolls back a transaction that fails", () => {
    const { usual } = connect();
    const failing = () =>
      usual.transaction(() => {
        usual.sql.exec("INSERT INTO catalog (id, text) VALUES (1, 'half')");
        throw new Error("the process fails here");
      });
    expect(failing).toThrow("the process fails here");
    expect([...usual.sql.exec("SELECT * FROM catalog")]).toEqual([]);
  });
});
