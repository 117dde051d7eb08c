import { PostgresDialect } from "kysely";
import type { Pool } from "pg";
import type { AccountMigration, AccountStores } from "../node/node-accounts.ts";

/** Locks expire by the database's clock, because the processes may be on several machines. */
const tables = `
  CREATE TABLE IF NOT EXISTS stagedoor_migration (name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now());
  CREATE TABLE IF NOT EXISTS refresh_turn (name text PRIMARY KEY, holder text NOT NULL, until timestamptz NOT NULL);
`;

/** The lock of migrations, so that of several processes that start at once only one applies them. */
const migrationLock = 7_826_103_944;

/**
 * The accounts in PostgreSQL. Missing migrations are applied, all or nothing. Rejects with the error of the server if the
 * database cannot be used, and closes the connections.
 */
export async function postgresAccounts(pool: Pool, migrations: readonly AccountMigration[]): Promise<AccountStores> {
  try {
    await applyMigrations(pool, migrations);
  } catch (error) {
    await pool.end();
    throw error;
  }
  return {
    // Without transactions, as on D1 and SQLite: a request never has two connections, so a full pool only makes it wait.
    database: { dialect: new PostgresDialect({ pool }), type: "postgres", transaction: false },
    locks: {
      claim: async (name, holder, life) => {
        const { rowCount } = await pool.query(
          `INSERT INTO refresh_turn (name, holder, until) VALUES ($1, $2, clock_timestamp() + $3 * interval '1 second')
           ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until
           WHERE refresh_turn.until <= clock_timestamp()`,
          [name, holder, life],
        );
        return rowCount === 1;
      },
      release: async (name, holder) =>
        void (await pool.query("DELETE FROM refresh_turn WHERE name = $1 AND holder = $2", [name, holder])),
    },
    close: () => pool.end(),
  };
}

async function applyMigrations(pool: Pool, migrations: readonly AccountMigration[]): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query("BEGIN");
    await client.query("SELECT pg_advisory_xact_lock($1)", [migrationLock]);
    await client.query(tables);
    const { rows } = await client.query<{ name: string }>("SELECT name FROM stagedoor_migration");
    const known = new Set(rows.map(({ name }) => name));
    for (const { name, sql } of migrations.filter((migration) => !known.has(migration.name))) {
      await client.query(sql);
      await client.query("INSERT INTO stagedoor_migration (name) VALUES ($1)", [name]);
    }
    await client.query("COMMIT");
    client.release();
  } catch (error) {
    // The server rolls back what the connection began.
    client.release(true);
    throw error;
  }
}
