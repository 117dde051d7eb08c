import { describe, expect, it } from "vitest";
import { missingSql } from "../../../cli/identity/make-migration.ts";
import { readMigrations, statementsOf } from "../../../cli/identity/migrations.ts";

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
