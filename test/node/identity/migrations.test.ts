import { describe, expect, it } from "vitest";
import { missingSql } from "../../../cli/identity/make-migration.ts";
import { readMigrations, statementsOf } from "../../../cli/identity/migrations.ts";

describe("the migrations of the identity worker", () => {
  it("make the tables that its options ask for: else `node cli/identity/make-migration.ts <name>` is due", async () => {
    expect(await missingSql(readMigrations())).toBe("");
  });

  it("would be found to lack what is taken out of them", async () => {
    const without = readMigrations().map((migration) => ({
      ...migration,
      sql: migration.sql.replace(', "streams" integer', ""),
    }));
    expect(await missingSql(without)).toMatch(/"streams"/);
  });

  it("come apart into one statement each", () => {
    for (const migration of readMigrations())
      for (const statement of statementsOf(migration)) expect(statement).toMatch(/^(create|alter) [^;]+$/i);
  });
});
