import { DatabaseSync } from "node:sqlite";
import { SqliteDialect } from "kysely";
import { type MillisecondClock, systemMillisecondClock } from "../../base/time.ts";
import type { AccountMigration, AccountStores } from "./node-accounts.ts";

/** wrangler's own table, so that a copy of a D1 database can be used as the file. */
const applied = `CREATE TABLE IF NOT EXISTS d1_migrations(
  id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL
)`;

const lockTable = `CREATE TABLE IF NOT EXISTS refresh_turn (
  name TEXT PRIMARY KEY, holder TEXT NOT NULL, until INTEGER NOT NULL
) WITHOUT ROWID`;

/** How long a writer waits for another process, in milliseconds. */
const busyTimeout = 5_000;

/**
 * The accounts in an SQLite file, which the other stores may share. It is made if there is none, and missing migrations
 * are applied, all or nothing. What was answered survives a power failure. Throws if the file cannot be used.
 */
export function sqliteAccounts(
  file: string,
  migrations: readonly AccountMigration[],
  clock: MillisecondClock = systemMillisecondClock,
): AccountStores {
  const database = new DatabaseSync(file);
  database.exec(`PRAGMA busy_timeout = ${busyTimeout}; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL`);
  applyMigrations(database, migrations);
  const claim = database.prepare(
    `INSERT INTO refresh_turn (name, holder, until) VALUES (?, ?, ?)
     ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until WHERE until <= ? RETURNING 1`,
  );
  const release = database.prepare("DELETE FROM refresh_turn WHERE name = ? AND holder = ?");
  return {
    // Without transactions, as on D1: a sign-out within one would wait for the revocation log, and the log for its lock.
    database: { dialect: new SqliteDialect({ database: inKysely(database) }), type: "sqlite", transaction: false },
    locks: {
      claim: async (name, holder, life) => {
        const now = clock();
        return claim.all(name, holder, now + life * 1000, now).length === 1;
      },
      release: async (name, holder) => void release.run(name, holder),
    },
    close: async () => database.close(),
  };
}

function applyMigrations(database: DatabaseSync, migrations: readonly AccountMigration[]): void {
  database.exec("BEGIN IMMEDIATE");
  try {
    database.exec(applied);
    database.exec(lockTable);
    const known = new Set(
      database
        .prepare("SELECT name FROM d1_migrations")
        .all()
        .map(({ name }) => name),
    );
    for (const { name, sql } of migrations) {
      if (known.has(name)) continue;
      database.exec(sql);
      database.prepare("INSERT INTO d1_migrations (name) VALUES (?)").run(name);
    }
    database.exec("COMMIT");
  } catch (error) {
    database.exec("ROLLBACK");
    throw error;
  }
}

/** The database in the form of better-sqlite3, which Kysely expects. */
function inKysely(database: DatabaseSync) {
  return {
    close: () => undefined,
    prepare: (sql: string) => {
      const statement = database.prepare(sql);
      return {
        reader: statement.columns().length > 0,
        all: (values: readonly unknown[]) => statement.all(...values.map(sqliteValue)),
        run: (values: readonly unknown[]) => statement.run(...values.map(sqliteValue)),
        iterate: (values: readonly unknown[]) => statement.iterate(...values.map(sqliteValue)),
      };
    },
  };
}

function sqliteValue(value: unknown): string | number | null {
  if (typeof value === "string" || typeof value === "number" || value === null) return value;
  throw new TypeError(`SQLite has no values of the type ${typeof value}`);
}
