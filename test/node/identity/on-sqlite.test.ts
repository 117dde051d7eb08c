import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readMigrations } from "../../../cli/identity/migrations.ts";
import { systemMillisecondClock } from "../../../src/base/time.ts";
import { nodeAccounts } from "../../../src/platform/node/node-accounts.ts";
import { sqliteAccounts } from "../../../src/platform/node/sqlite-accounts.ts";
import { openSqlite } from "../../../src/platform/node/sqlite-database.ts";
import { sqliteRevocationLog } from "../../../src/platform/node/sqlite-stores.ts";
import { accountContract, accountsOfProcess } from "../../support/account-contract.ts";
import { apiUrl, postWith, settings, signIn } from "./stage.ts";

let folder: string;
let file: string;
const opened: (() => unknown)[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "stagedoor-accounts-"));
  file = join(folder, "data.sqlite");
});
afterEach(() => {
  for (const close of opened.splice(0)) close();
  rmSync(folder, { recursive: true });
});

async function open(migrations = readMigrations()) {
  const stores = sqliteAccounts(file, migrations);
  opened.push(stores.close);
  return stores;
}

async function query(sql: string): Promise<readonly unknown[]> {
  const database = new DatabaseSync(file);
  try {
    return database
      .prepare(sql)
      .all()
      .map((row) => ({ ...row }));
  } finally {
    database.close();
  }
}

accountContract({ open: () => open(), query });

describe("the accounts in a SQLite file", () => {
  it("get each migration once, in the record that wrangler keeps too", async () => {
    await open();
    await open();
    expect(await query("SELECT name FROM d1_migrations")).toEqual(readMigrations().map(({ name }) => ({ name })));
  });

  it("keep their tables as they are if a migration fails", async () => {
    await open();
    const later = [
      { name: "0002_more.sql", sql: "create table more (id text);" },
      { name: "0003_broken.sql", sql: "create table user (id text);" },
    ];
    await expect(open([...readMigrations(), ...later])).rejects.toThrow(/already exists/);
    expect(await query("SELECT name FROM sqlite_master WHERE name = 'more'")).toEqual([]);
    expect(await query("SELECT name FROM d1_migrations")).toHaveLength(readMigrations().length);
  });

  it("end a session whose sign-up replaces it without waiting for the revocation log in the same file", async () => {
    const durable = openSqlite(file, { durable: true });
    opened.push(durable.close);
    const accounts = nodeAccounts({ ...settings, development: false }, await open()).service({
      revocations: sqliteRevocationLog({ usual: durable, durable }, systemMillisecondClock),
      telemetry: () => {},
      log: () => {},
    });
    const fetch = (path: string, init?: RequestInit) => accounts.fetch(new Request(`${apiUrl}/api/auth${path}`, init));
    const stage = { fetch, post: postWith(fetch) };
    const { cookie } = await signIn(stage, "ann@example.com");
    const eve = { email: "eve@example.com", password: "correct horse battery", name: "Eve" };
    expect((await stage.post("/sign-up/email", eve, { cookie })).status).toBe(200);
    expect(await query("SELECT kind FROM revocation")).toEqual([{ kind: "login" }]);
  });

  it("answer 503 without details if a table cannot be read", async () => {
    const stage = await accountsOfProcess({ open: () => open() });
    const { cookie } = await signIn(stage, "ann@example.com");
    await query("DROP TABLE session");
    const response = await stage.fetch("/get-session", { headers: { cookie } });
    expect(response.status).toBe(503);
    expect(await response.json()).toEqual({ code: "STORE_UNAVAILABLE", message: "Try again later." });
  });
});
