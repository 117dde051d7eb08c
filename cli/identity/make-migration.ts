// `node cli/identity/make-migration.ts <name> [<url of an empty PostgreSQL database>]`: writes a migration for SQLite, or for
// PostgreSQL, if the service's options need one.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { getMigrations } from "better-auth/db/migration";
import { Pool } from "pg";
import { systemClock } from "../../src/base/time.ts";
import { readIdentityConfiguration } from "../../src/config/identity-configuration.ts";
import { identityOptions } from "../../src/identity/options.ts";
import type { AccountDatabase } from "../../src/service/account-service.ts";
import { type Migration, migrationFolders, readMigrations } from "./migrations.ts";

/**
 * The SQL that the service's options require in addition to the migrations; empty if there is none. D1 is SQLite, so a local
 * SQLite database can plan it.
 */
export async function missingSql(migrations: readonly Migration[]): Promise<string> {
  const database = new DatabaseSync(":memory:");
  try {
    for (const { sql } of migrations) database.exec(sql);
    return await plannedSql(database);
  } finally {
    database.close();
  }
}

/** {@link missingSql} of PostgreSQL, by a database with no tables, which it does not change. */
export async function missingPostgresSql(url: string, migrations: readonly Migration[]): Promise<string> {
  // One connection, so that the planner sees the tables of the transaction.
  const pool = new Pool({ connectionString: url, max: 1 });
  try {
    await pool.query("BEGIN");
    for (const { sql } of migrations) await pool.query(sql);
    return await plannedSql(pool);
  } finally {
    await pool.query("ROLLBACK");
    await pool.end();
  }
}

/** The SQL that makes the tables of a database those of the service's options; empty if they are. */
async function plannedSql(database: AccountDatabase): Promise<string> {
  const settings = readIdentityConfiguration({
    STAGEDOOR_API_URL: "https://api.example.com",
    STAGEDOOR_IDENTITY_SECRET: "only-plans-tables-and-signs-nothing",
  });
  if (!settings.ok) throw new Error(settings.refusal.join("\n"));
  const parts = { settings: settings.value, database, clock: systemClock };
  const silent = { revocations: { append: async () => 0 }, telemetry: () => {}, log: () => {}, onError: () => {} };
  const { compileMigrations } = await getMigrations(identityOptions({ ...parts, ...silent }));
  // An empty plan compiles to a semicolon.
  return (await compileMigrations()).replace(/^[;\s]+$/, "");
}

if (import.meta.main) {
  const [word = "change", url] = process.argv.slice(2);
  const kind = url === undefined ? "sqlite" : "postgres";
  const migrations = readMigrations(kind);
  const sql = url === undefined ? await missingSql(migrations) : await missingPostgresSql(url, migrations);
  if (sql === "") console.log("No migration is needed.");
  else {
    const name = `${String(migrations.length + 1).padStart(4, "0")}_${word.replace(/[^a-z0-9-]/g, "-")}.sql`;
    writeFileSync(join(migrationFolders[kind], name), `${sql.trimEnd()}\n`, { flag: "wx" });
    console.log(`Wrote ${name}. Review it before you apply it.`);
  }
}
