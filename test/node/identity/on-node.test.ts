import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readMigrations } from "../../../cli/identity/migrations.ts";
import { systemMillisecondClock, systemTimer } from "../../../src/base/time.ts";
import { type AccountStores, nodeAccounts, turnsAmongProcesses } from "../../../src/platform/node/node-accounts.ts";
import { sqliteAccounts } from "../../../src/platform/node/sqlite-accounts.ts";
import { openSqlite } from "../../../src/platform/node/sqlite-database.ts";
import { sqliteRevocationLog } from "../../../src/platform/node/sqlite-stores.ts";
import { apiUrl, postWith, refresh, requestTokens, settings, signIn } from "./stage.ts";

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

function open(migrations = readMigrations()): AccountStores {
  const stores = sqliteAccounts(file, migrations);
  opened.push(stores.close);
  return stores;
}

/** Runs `work` on the file as another program does. */
function inFile<Value>(work: (database: DatabaseSync) => Value): Value {
  const database = new DatabaseSync(file);
  try {
    return work(database);
  } finally {
    database.close();
  }
}

const rows = (query: string) => inFile((database) => database.prepare(query).all().map(Object));

/** The identity service as one process of a Node host runs it, with the revocation log in the same file. */
function accountsOfProcess() {
  const durable = openSqlite(file, { durable: true });
  opened.push(durable.close);
  const accounts = nodeAccounts({ ...settings, development: false }, open()).service({
    revocations: sqliteRevocationLog({ usual: durable, durable }, systemMillisecondClock),
    telemetry: () => {},
    log: () => {},
  });
  const send = (path: string, init: RequestInit = {}) => accounts.fetch(new Request(`${apiUrl}/api/auth${path}`, init));
  return { accounts, fetch: send, post: postWith(send) };
}

describe("the accounts in a SQLite file", () => {
  it("get each migration once, in the record that wrangler keeps too", () => {
    open();
    open();
    expect(rows("SELECT name FROM d1_migrations")).toEqual(readMigrations().map(({ name }) => ({ name })));
  });

  it("keep their tables as they are if a migration fails, and name its error", () => {
    open();
    const later = [
      { name: "0002_more.sql", sql: "create table more (id text);" },
      { name: "0003_broken.sql", sql: "create table user (id text);" },
    ];
    expect(() => open([...readMigrations(), ...later])).toThrow(/already exists/);
    expect(rows("SELECT name FROM sqlite_master WHERE name = 'more'")).toEqual([]);
    expect(rows("SELECT name FROM d1_migrations")).toHaveLength(readMigrations().length);
  });

  it.each(["/sign-in/email", "/sign-up/email"])(
    "end the session that a %s of the same browser replaces, with its entry in the revocation log of the same file",
    async (path) => {
      const first = accountsOfProcess();
      const { cookie } = await signIn(first, "ann@example.com");
      const email = path === "/sign-in/email" ? "ann@example.com" : "eve@example.com";
      const account = { email, password: "correct horse battery", ...(email.startsWith("eve") && { name: "Eve" }) };
      expect((await first.post(path, account, { cookie })).status).toBe(200);
      expect(rows("SELECT kind FROM revocation")).toEqual([{ kind: "login" }]);
      expect(rows("SELECT id FROM session")).toHaveLength(1);
    },
  );

  it("are swept of expired rows", async () => {
    const { accounts, ...stage } = accountsOfProcess();
    await signIn(stage, "ann@example.com");
    inFile((database) => database.exec("UPDATE session SET expiresAt = '2020-01-01T00:00:00.000Z'"));
    await accounts.sweep();
    expect(rows("SELECT id FROM session")).toEqual([]);
  });

  it("answer 503 without details if the file cannot be written", async () => {
    const stage = accountsOfProcess();
    const { cookie } = await signIn(stage, "ann@example.com");
    inFile((database) => database.exec("DROP TABLE session"));
    const response = await stage.fetch("/get-session", { headers: { cookie } });
    expect(response.status).toBe(503);
    expect(await response.json()).toEqual({ code: "STORE_UNAVAILABLE", message: "Try again later." });
  });
});

describe("refreshes of one token at two processes", () => {
  it("give one successor, no fork and no false sign-out", async () => {
    const processes = [accountsOfProcess(), accountsOfProcess()];
    const [one = accountsOfProcess()] = processes;
    const { refresh_token } = await requestTokens(one, await signIn(one, "ann@example.com"));
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => refresh(processes[index % 2] ?? one, refresh_token)),
    );
    expect(new Set(answers.map(({ status, token }) => `${status} ${token}`)).size).toBe(1);
    expect(answers[0]?.status).toBe(200);
    expect(rows("SELECT id FROM oauthRefreshToken WHERE revoked IS NULL")).toHaveLength(1);
  });
});

describe("turns among processes", () => {
  const clock = systemMillisecondClock;
  const timer = systemTimer;

  it("run one after another, and give the lock back after a failure as well", async () => {
    const processes = [open(), open()].map(({ locks }) => turnsAmongProcesses({ locks, clock, timer }));
    const events: string[] = [];
    const work = async () => {
      events.push("begin");
      await new Promise((resolve) => setTimeout(resolve, 5));
      events.push("end");
      throw new Error("failed");
    };
    const outcomes = await Promise.allSettled([...processes, ...processes].map((inTurn) => inTurn("family", work)));
    expect(outcomes.map(({ status }) => status)).toEqual(Array.from({ length: 4 }, () => "rejected"));
    expect(events).toEqual(Array.from({ length: 4 }, () => ["begin", "end"]).flat());
    expect(rows("SELECT * FROM refresh_turn")).toEqual([]);
  });

  it("continue when the lock of a process that ended has expired, and not before", async () => {
    const { locks } = open();
    expect(await locks.claim("family", "ended", 1_000, 2_000)).toBe(true);
    expect(await locks.claim("family", "other", 1_999, 9_000)).toBe(false);
    await locks.release("family", "other");
    expect(await locks.claim("family", "other", 1_999, 9_000)).toBe(false);
    expect(await locks.claim("family", "other", 2_000, 9_000)).toBe(true);
  });
});
