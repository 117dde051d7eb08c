import { DatabaseSync } from "node:sqlite";
import { getMigrations } from "better-auth/db/migration";
import { systemClock } from "../../src/base/seconds.ts";
import { readIdentityConfiguration } from "../../src/config/identity-configuration.ts";
import { identityOptions } from "../../src/identity/options.ts";
import type { Migration } from "./migrations.ts";

/**
 * The SQL that brings a database from these migrations to what the worker's options ask for: empty where the two agree.
 * SQLite stands in for D1, which is SQLite.
 */
export async function missingSql(migrations: readonly Migration[]): Promise<string> {
  const database = new DatabaseSync(":memory:");
  try {
    for (const { sql } of migrations) database.exec(sql);
    const settings = readIdentityConfiguration({
      STAGEDOOR_API_URL: "https://api.example.com",
      STAGEDOOR_IDENTITY_SECRET: "nothing-is-signed-where-tables-are-planned",
    });
    if (!settings.ok) throw new Error(settings.refusal.join("\n"));
    const parts = { settings: settings.value, database, clock: systemClock };
    const silent = { revocations: { append: async () => 0 }, telemetry: () => {}, log: () => {}, onError: () => {} };
    const { compileMigrations } = await getMigrations(identityOptions({ ...parts, ...silent }));
    // An empty plan compiles to a lone semicolon.
    return (await compileMigrations()).replace(/^[;\s]+$/, "");
  } finally {
    database.close();
  }
}
