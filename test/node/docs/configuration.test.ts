import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { configurationReference } from "../../../cli/docs/references.ts";
import { projectRoot } from "../../../cli/lib/project.ts";
import { identitySettingsSchema } from "../../../src/config/identity-configuration.ts";
import { settingsSchema } from "../../../src/config/settings.ts";

const reference = configurationReference();

it("docs/configuration.md is what the schemas say", () => {
  const written = readFileSync(join(projectRoot, "docs/configuration.md"), "utf8");
  expect(written === reference, "the schemas have changed: run `npm run docs`, and look at what it wrote").toBe(true);
});

it("every setting has a row with a description, and none that has to be named a default", () => {
  for (const name of Object.keys({ ...settingsSchema.shape, ...identitySettingsSchema.shape }))
    expect(reference).toMatch(new RegExp(`^\\| \`${name}\` \\| [a-z, ]+ \\| [^|]* \\| [^|]+ \\| \\S[^|]+ \\|$`, "m"));
});

it.each([
  ["STAGEDOOR_MANIFEST_TTL", "`300` | 60 to 600 |"],
  ["STAGEDOOR_RENEWAL", "`redirect` | `redirect`, `off` |"],
  ["STAGEDOOR_MEDIA_URL", "**required** | write scheme, host and port"],
  ["STAGEDOOR_ORIGINS", " | text |"],
])("the row of %s says what it is without it, and what it may be", (name, cells) => {
  const row = reference.split("\n").find((line) => line.startsWith(`| \`${name}\``));
  expect(row).toContain(cells);
});
