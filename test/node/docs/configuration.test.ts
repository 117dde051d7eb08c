import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { configSchemaFile } from "../../../cli/docs/config-schema-file.ts";
import { configurationReference } from "../../../cli/docs/references.ts";
import { projectRoot } from "../../../cli/lib/project.ts";
import { identitySettingsSchema } from "../../../src/config/identity-configuration.ts";
import { settingsSchema } from "../../../src/config/settings.ts";

const reference = configurationReference();

it("docs/reference/configuration.md matches the schemas", () => {
  const written = readFileSync(join(projectRoot, "docs/reference/configuration.md"), "utf8");
  expect(written === reference, "the schemas changed: run `npm run docs` and review the result").toBe(true);
});

it("docs/reference/configuration.md has a row with a description for every setting", () => {
  for (const name of Object.keys({ ...settingsSchema.shape, ...identitySettingsSchema.shape }))
    expect(reference).toMatch(new RegExp(`^\\| \`${name}\` \\| [a-z, ]+ \\| [^|]* \\| [^|]+ \\| \\S[^|]+ \\|$`, "m"));
});

it.each([
  ["STAGEDOOR_MANIFEST_TTL", "`300` | 60 to 600 |"],
  ["STAGEDOOR_RENEWAL", "`redirect` | `redirect`, `off` |"],
  ["STAGEDOOR_MEDIA_URL", "**required** | write scheme, host and port"],
  ["STAGEDOOR_ORIGINS", " | text |"],
])("docs/reference/configuration.md shows the default and the permitted values of %s", (name, cells) => {
  const row = reference.split("\n").find((line) => line.startsWith(`| \`${name}\``));
  expect(row).toContain(cells);
});

it("stagedoor.config.schema.json matches the schemas", () => {
  const written = readFileSync(join(projectRoot, "stagedoor.config.schema.json"), "utf8");
  expect(written === configSchemaFile(), "the schemas changed: run `npm run docs` and review the result").toBe(true);
});
