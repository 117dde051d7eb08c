// `node cli/identity/make-migration.ts <name>`: writes a migration if the worker's options need one.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { getMigrations } from "better-auth/db/migration";
import { systemClock } from "../../src/base/time.ts";
import { readIdentityConfiguration } from "../../src/config/identity-configuration.ts";
import { identityOptions } from "../../src/identity/options.ts";
import { type Migration, migrationsFolder, readMigrations } from "./migrations.ts";

/**
 * The SQL that the worker's options require in addition to the migrations; empty if there is none. D1 is SQLite, so a local
 * SQLite database can plan it.
 */
export async function missingSql(migrations: readonly Migration[]): Promise<string> {
  const database = new DatabaseSync(":memory:");
  try {
    for (const { sql } of migrations) database.exec(sql);
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
  } finally {
    database.close();
  }
}

if (import.meta.main) {
  const [word = "change"] = process.argv.slice(2);
  const migrations = readMigrations();
  const sql = await missingSql(migrations);
  if (sql === "") console.log("No migration is needed.");
  else {
    const name = `${String(migrations.length + 1).padStart(4, "0")}_${word.replace(/[^a-z0-9-]/g, "-")}.sql`;
    writeFileSync(join(migrationsFolder, name), `${sql.trimEnd()}\n`, { flag: "wx" });
    console.log(`Wrote ${name}. Review it before you apply it.`);
  }
}
