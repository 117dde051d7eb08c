import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { missingPostgresSql } from "../../../cli/identity/make-migration.ts";
import { readMigrations } from "../../../cli/identity/migrations.ts";
import { postgresAccounts } from "../../../src/platform/postgres/postgres-accounts.ts";
import { openPostgres, postgresFault } from "../../../src/platform/postgres/postgres-database.ts";
import { accountContract, accountsOfProcess } from "../../support/account-contract.ts";
import { noPostgres, type PostgresServer, startPostgres } from "../../support/postgres-server.ts";
import { signIn } from "./stage.ts";

const migrations = readMigrations("postgres");
let server: PostgresServer;
let database: string;
let databases = 0;
const opened: (() => Promise<void>)[] = [];

async function open() {
  const stores = await postgresAccounts(poolOf(), migrations);
  opened.push(stores.close);
  return stores;
}

function poolOf({ url = server.url(database), password = server.password } = {}) {
  return openPostgres({ url, password, tls: false, ca: undefined }, () => undefined);
}

/** The message about a database that cannot be used. */
async function faultOf(address: { url?: string; password?: string; tls?: boolean }): Promise<string> {
  const { url = server.url(database), password = server.password, tls = false } = address;
  const pool = openPostgres({ url, password, tls, ca: undefined }, () => undefined);
  return postgresAccounts(pool, migrations).then(
    () => "no fault",
    (error: unknown) => postgresFault(error, { url, tls }),
  );
}

describe.skipIf(noPostgres !== undefined)("accounts in PostgreSQL", () => {
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server.remove());
  beforeEach(async () => {
    database = `accounts_${++databases}`;
    await server.query("postgres", `CREATE DATABASE ${database}`);
  });
  afterEach(async () => {
    for (const close of opened.splice(0)) await close();
  });

  accountContract({ open, query: (sql) => server.query(database, sql) });

  it("have every table of the library's options; otherwise run `node cli/identity/make-migration.ts <name> <url>`", async () => {
    const url = server.url(database).replace("@", `:${server.password}@`);
    expect(await missingPostgresSql(url, migrations)).toBe("");
    const incomplete = migrations.map(({ name, sql }) => ({ name, sql: sql.replace(', "streams" integer', "") }));
    expect(await missingPostgresSql(url, incomplete)).toMatch(/"streams"/);
  });

  it("get each migration once, also if several processes start at the same time", async () => {
    await Promise.all([open(), open(), open()]);
    expect(await server.query(database, "SELECT name FROM stagedoor_migration")).toEqual(
      migrations.map(({ name }) => ({ name })),
    );
  });

  it("keep their tables as they are if a migration fails", async () => {
    await open();
    const later = [
      { name: "0002_more.sql", sql: "create table more (id text)" },
      { name: "0003_broken.sql", sql: `create table "user" (id text)` },
    ];
    await expect(postgresAccounts(poolOf(), [...migrations, ...later])).rejects.toThrow(/already exists/);
    expect(await server.query(database, "SELECT name FROM stagedoor_migration")).toHaveLength(migrations.length);
    expect(await server.query(database, "SELECT to_regclass('more')::text AS name")).toEqual([{ name: null }]);
  });

  it("answer 503 while the server is stopped, and as before when it is back", async () => {
    const stage = await accountsOfProcess({ open });
    const { cookie } = await signIn(stage, "ann@example.com");
    const status = async () => (await stage.fetch("/get-session", { headers: { cookie } })).status;
    await server.stop();
    expect(await status()).toBe(503);
    await server.start();
    expect(await status()).toBe(200);
  });

  it("name what is wrong with the database, and what to do", async () => {
    const secret = "a-password-of-nobody";
    await server.query("postgres", `CREATE USER guest PASSWORD '${secret}'`);
    await server.query(database, 'CREATE TABLE "user" (id text)');
    const empty = `${database}_empty`;
    await server.query("postgres", `CREATE DATABASE ${empty}`);
    const faults = {
      password: await faultOf({ password: secret }),
      absent: await faultOf({ url: server.url("nothing") }),
      guest: await faultOf({ url: server.url(empty, "guest"), password: secret }),
      foreign: await faultOf({}),
      plain: await faultOf({ tls: true }),
      silent: await faultOf({ url: "postgres://stagedoor@127.0.0.1:1/x" }),
    };
    expect(faults).toEqual({
      password: expect.stringContaining("STAGEDOOR_POSTGRES_PASSWORD="),
      absent: expect.stringContaining("createdb --owner=stagedoor nothing"),
      guest: expect.stringContaining(`ALTER DATABASE "${empty}" OWNER TO "guest"`),
      foreign: expect.stringContaining("tables of another program"),
      plain: expect.stringContaining('"tls": false'),
      silent: expect.stringContaining("nothing answers at 127.0.0.1:1 (ECONNREFUSED)"),
    });
    expect(JSON.stringify(faults)).not.toContain(secret);
  });
});

if (noPostgres !== undefined)
  it("accounts in PostgreSQL follow the contract of accounts", ({ skip }) => skip(noPostgres));
