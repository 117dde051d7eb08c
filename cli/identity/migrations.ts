import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "../project.ts";

/** Where the identity worker's migrations lie: `wrangler d1 migrations apply` reads the same. */
export const migrationsFolder = join(projectRoot, "workers/identity/migrations");

export interface Migration {
  /** The file's name, as wrangler keeps it in its table of what was applied. */
  readonly name: string;
  readonly sql: string;
}

/** The migrations in the order in which they are applied. */
export function readMigrations(): readonly Migration[] {
  const names = readdirSync(migrationsFolder).filter((name) => name.endsWith(".sql"));
  return names.toSorted().map((name) => ({ name, sql: readFileSync(join(migrationsFolder, name), "utf8") }));
}

/** The statements of a migration: each ends with a semicolon at the end of a line, as better-auth writes them. */
export function statementsOf({ sql }: Migration): readonly string[] {
  return sql
    .split(/;\s*(?:\n|$)/)
    .map((statement) => statement.trim())
    .filter((statement) => statement !== "");
}
