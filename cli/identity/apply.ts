import type { Miniflare } from "miniflare";
import { readMigrations, statementsOf } from "./migrations.ts";

/** As wrangler makes it, so that `wrangler d1 migrations apply` knows what was applied here, and the other way round. */
const table = `CREATE TABLE IF NOT EXISTS d1_migrations(
  id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL
)`;

/** Applies the identity worker's migrations that its simulated D1 lacks, each with its mark in one transaction. */
export async function applyMigrations(miniflare: Miniflare): Promise<void> {
  const database = await miniflare.getD1Database("DB", "stagedoor-identity");
  await database.prepare(table).run();
  const { results } = await database.prepare("SELECT name FROM d1_migrations").all<{ name: string }>();
  const applied = new Set(results.map(({ name }) => name));
  for (const migration of readMigrations().filter(({ name }) => !applied.has(name))) {
    const statements = statementsOf(migration).map((statement) => database.prepare(statement));
    const mark = database.prepare("INSERT INTO d1_migrations (name) VALUES (?)").bind(migration.name);
    await database.batch([...statements, mark]);
  }
}
