import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "jsonc-parser";
import { expect, it } from "vitest";
import { configSchemaFile } from "../../../cli/docs/config-schema-file.ts";
import { configurationReference } from "../../../cli/docs/references.ts";
import { projectRoot } from "../../../cli/lib/project.ts";
import { identitySettingsSchema } from "../../../src/config/identity-configuration.ts";
import { settingsSchema } from "../../../src/config/settings.ts";
import { readConfig } from "../../../src/deployment/read-config.ts";
import { documents } from "./command-lines.ts";

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

/** The blocks of `jsonc` in the documents: a whole `stagedoor.config.json`, or some of its members. */
const configExamples = documents.flatMap((file) => {
  const text = readFileSync(join(projectRoot, file), "utf8");
  return [...text.matchAll(/^```jsonc\n(.*?)^```/gms)].map(([, code = ""], i) => ({ file, i, code }));
});

/** The file of a deployment with S3 as its origin, as `npx stagedoor init` writes it, in place of members that an example lacks. */
const otherMembers = JSON.parse(`{
  "version": 1,
  "api": { "host": "api.{domain}" },
  "cdns": { "main": { "type": "workers", "host": "media.{domain}" } },
  "origins": { "films": { "type": "s3", "bucket": "films", "region": "eu-central-1", "secret": "S3_KEY" } },
  "secrets": { "S3_KEY": { "use": "sigv4", "accessKeyId": "S3_KEY_ID", "hosts": ["films.s3.eu-central-1.amazonaws.com"] } },
  "identity": { "worker": true },
  "environments": { "production": { "domain": "example.tv", "kv": "fill-in-kv-id", "d1": "fill-in-d1-id" } }
}`);

/** What differs in the file of a deployment on Node. */
const onNode = JSON.parse(`{
  "cdns": { "main": { "type": "node", "host": "media.{domain}" } },
  "environments": { "production": { "domain": "example.tv" } }
}`);

it.each(configExamples)("every example of stagedoor.config.json is valid: $file, $i", ({ code }) => {
  const members = parse(code);
  const others = members.host?.type === "node" ? { ...otherMembers, ...onNode } : otherMembers;
  const read = readConfig(JSON.stringify({ ...others, ...members }));
  expect(read.ok ? [] : read.refusal).toEqual([]);
});

it("each page of an origin or a CDN has an example of stagedoor.config.json", () => {
  const files = configExamples.map(({ file }) => file);
  for (const page of ["init", "r2", "s3", "http", "cloudfront"]) expect(files).toContain(`docs/deploy/${page}.md`);
});

it("stagedoor.config.schema.json matches the schemas", () => {
  const written = readFileSync(join(projectRoot, "stagedoor.config.schema.json"), "utf8");
  expect(written === configSchemaFile(), "the schemas changed: run `npm run docs` and review the result").toBe(true);
});
