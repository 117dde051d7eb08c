import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Miniflare } from "miniflare";
import { packageRoot } from "../lib/project.ts";

/** The folders of the migrations: of SQLite, which `wrangler d1 migrations apply` reads too, and of PostgreSQL. */
export const migrationFolders = {
  sqlite: join(packageRoot, "workers/identity/migrations"),
  postgres: join(packageRoot, "workers/identity/postgres"),
} as const;

export interface Migration {
  /** The file's name, by which it is recorded as applied: by wrangler in `d1_migrations`. */
  readonly name: string;
  readonly sql: string;
}

/** The migrations in the order in which they are applied. */
export function readMigrations(kind: keyof typeof migrationFolders = "sqlite"): readonly Migration[] {
  const folder = migrationFolders[kind];
  const names = readdirSync(folder).filter((name) => name.endsWith(".sql"));
  return names.toSorted().map((name) => ({ name, sql: readFileSync(join(folder, name), "utf8") }));
}

/** The statements of a migration: each ends with a semicolon at the end of a line, as better-auth writes them. */
export function statementsOf({ sql }: Migration): readonly string[] {
  return sql
    .split(/;\s*(?:\n|$)/)
    .map((statement) => statement.trim())
    .filter((statement) => statement !== "");
}

/** wrangler's own table: `wrangler d1 migrations apply` skips migrations that were applied here, and vice versa. */
const createTable = `CREATE TABLE IF NOT EXISTS d1_migrations(
  id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL
)`;

/** Applies the missing migrations to the simulated D1, each in one transaction with its row in `d1_migrations`. */
export async function applyMigrations(miniflare: Miniflare): Promise<void> {
  const database = await miniflare.getD1Database("DB", "stagedoor-identity");
  await database.prepare(createTable).run();
  const { results } = await database.prepare("SELECT name FROM d1_migrations").all<{ name: string }>();
  const applied = new Set(results.map(({ name }) => name));
  for (const migration of readMigrations().filter(({ name }) => !applied.has(name))) {
    const statements = statementsOf(migration).map((statement) => database.prepare(statement));
    const row = database.prepare("INSERT INTO d1_migrations (name) VALUES (?)").bind(migration.name);
    await database.batch([...statements, row]);
  }
}
