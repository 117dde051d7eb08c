import { describe, expect, it } from "vitest";
import { missingSql } from "../../../cli/identity/make-migration.ts";
import { readMigrations, statementsOf } from "../../../cli/identity/migrations.ts";

describe("the migrations of PostgreSQL", () => {
  it("make the tables and columns of those of SQLite, with PostgreSQL's types", () => {
    const types = { timestamptz: "date", boolean: "integer", jsonb: "text", " default CURRENT_TIMESTAMP": "" };
    const tables = Object.entries(types).reduce((sql, [type, other]) => sql.replaceAll(type, other), sqlOf("postgres"));
    expect(tables).toBe(sqlOf("sqlite"));
  });
});

function sqlOf(kind: "sqlite" | "postgres"): string {
  return readMigrations(kind)
    .map(({ sql }) => sql)
    .join("\n");
}

describe("the migrations of the identity worker", () => {
  it("create every table of the library's options; otherwise run `node cli/identity/make-migration.ts <name>`", async () => {
    expect(await missingSql(readMigrations())).toBe("");
  });

  it("are reported as incomplete if a column is missing", async () => {
    const incomplete = readMigrations().map((migration) => ({
      ...migration,
      sql: migration.sql.replace(', "streams" integer', ""),
    }));
    expect(await missingSql(incomplete)).toMatch(/"streams"/);
  });

  it("split into single statements", () => {
    for (const migration of readMigrations())
      for (const statement of statementsOf(migration)) expect(statement).toMatch(/^(create|alter) [^;]+$/i);
  });
});
