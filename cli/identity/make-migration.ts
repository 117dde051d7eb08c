// `node cli/identity/make-migration.ts <name>`: writes the migration that the worker's options lack, where they lack one.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { migrationsFolder, readMigrations } from "./migrations.ts";
import { missingSql } from "./missing-sql.ts";

const [word = "change"] = process.argv.slice(2);
const migrations = readMigrations();
const sql = await missingSql(migrations);
if (sql === "") console.log("The migrations and the options agree.");
else {
  const name = `${String(migrations.length + 1).padStart(4, "0")}_${word.replace(/[^a-z0-9-]/g, "-")}.sql`;
  writeFileSync(join(migrationsFolder, name), `${sql.trimEnd()}\n`, { flag: "wx" });
  console.log(`Wrote ${name}. Read it before it is applied.`);
}
