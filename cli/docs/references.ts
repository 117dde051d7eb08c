import { readFileSync } from "node:fs";
import { join } from "node:path";
import type * as z from "zod";
import { issuerSchema } from "../../src/auth/issuer.ts";
import { assetSchema } from "../../src/catalog/asset.ts";
import { identitySettingsSchema } from "../../src/config/identity-configuration.ts";
import { identitySettingReaders, type SettingReaders, settingReaders } from "../../src/config/setting-readers.ts";
import { settingsSchema } from "../../src/config/settings.ts";
import { oauthClientSchema } from "../../src/identity/identity-settings.ts";
import { packageRoot } from "../lib/project.ts";
import { code, inputSchema, jsonCode, markdownTable, outputSchema, type Schema, typeText } from "./json-schema.ts";

/** `docs/reference/configuration.md`, generated from the schemas of the workers' configuration. */
export function configurationReference(): string {
  return `# Configuration

<!-- Written by \`npm run docs\` from the schemas in src: change it there. -->

Write settings under \`settings\` of [\`stagedoor.config.json\`](../deploy/init.md), or of one of its environments; \`npx stagedoor deploy\`
gives each worker those that it reads, and says which ones follow from other members of the file. Secrets are lines of
\`secrets-<environment>.env\`. (In [a clone](../deploy/clone.md) a setting is a variable under \`vars\` of a worker's \`wrangler.toml\`.)
A worker with an invalid or misspelt setting answers every request with \`configuration_invalid\` and logs every error;
\`npx stagedoor doctor\` finds them before you deploy. Times are in seconds.

## The API, the edge and the manifest worker

${settingsTable(settingsSchema.shape, settingReaders)}

## The identity worker

${settingsTable(identitySettingsSchema.shape, identitySettingReaders)}

## Issuers

\`STAGEDOOR_ISSUERS\` is a JSON list of the issuers whose bearer tokens the API accepts. Each has one of \`jwksUri\`, \`jwks\` and
\`introspection\`.

${membersTable(inputSchema(issuerSchema))}

## Apps

\`STAGEDOOR_IDENTITY_CLIENTS\` is a JSON list of apps.

${membersTable(inputSchema(oauthClientSchema))}

## The catalog

A JSON document, \`{"version": 1, "assets": [...]}\`: the key \`catalog\` of the KV namespace \`CATALOG\`, and the file of \`--catalog\`. \`npx stagedoor assets check --catalog catalog.json\` prints all its errors; an unknown member is one.
An asset has these members:

${membersTable(inputSchema(assetSchema))}
`;
}

function settingsTable(
  shape: Readonly<Record<string, z.ZodType>>,
  readers: Readonly<Record<string, SettingReaders>>,
): string {
  const rows = Object.entries(shape).map(([name, schema]) => {
    const { workers, secret } = readers[name] ?? { workers: [] };
    const { description = "" } = inputSchema(schema);
    const defaultValue = outputSchema(schema).default;
    const isOptional = schema.safeParse(undefined).success;
    const defaultCell = defaultValue !== undefined ? code(defaultText(defaultValue)) : isOptional ? "" : "**required**";
    return [
      code(name),
      workers.join(", "),
      defaultCell,
      allowed(schema),
      description.replace(/ \(a secret\)|, a secret/, "") + (secret ? " **A secret.**" : ""),
    ];
  });
  return markdownTable(["Setting", "Workers", "Default", "Values", "Meaning"], rows);
}

/** The default in the form of a variable. */
function defaultText(value: unknown): string {
  if (typeof value !== "object") return String(value);
  return Array.isArray(value) && value.length === 0 ? "" : JSON.stringify(value);
}

/** The allowed values of a variable, its range, or the error message for an invalid value. */
function allowed(schema: z.ZodType): string {
  const parsed = outputSchema(schema);
  if (parsed.enum.length > 0) return parsed.enum.map((value) => code(String(value))).join(", ");
  if (parsed.minimum !== undefined) return `${parsed.minimum} to ${parsed.maximum}`;
  const errors = schema.safeParse(" ").error?.issues.map(({ message }) => message) ?? [];
  const [first = "text"] = errors;
  return first.replace(/^not JSON: /, "JSON: ").replace(/^Invalid URL$/, "a URL");
}

/** A row for each member of an object, followed by rows for its members. */
function membersTable(schema: Schema): string {
  return markdownTable(["Member", "Default", "Values", "Meaning"], rowsOf(schema, ""));
}

function rowsOf(schema: Schema, before: string): readonly (readonly string[])[] {
  const { members, items, forms } = schema;
  if (items !== undefined) return rowsOf(items, `${before}[]`);
  if (forms.length > 0) return forms.flatMap((form) => rowsOf(form, `${before}${nameOf(form)}`));
  return members.flatMap(([name, member, required]) => {
    const path = before === "" ? name : `${before}.${name}`;
    const defaultCell = member.default !== undefined ? jsonCode(member.default) : required ? "**required**" : "";
    return [[code(path), defaultCell, typeText(member), member.description ?? ""], ...rowsOf(member, path)];
  });
}

/** The name of an alternative, from its member `type`. */
function nameOf({ members }: Schema): string {
  const type = members.find(([name]) => name === "type")?.[1].const;
  return type === undefined ? "" : `(${String(type)})`;
}

/**
 * The text of a page with the files that it includes: `<!-- source: examples/hlsjs/play.ts -->` is followed by a code block,
 * which gets the text of that file.
 */
export function withSources(page: string): string {
  return page.replace(
    /^(<!-- source: (\S+) -->\n```\w*\n)[\s\S]*?^```$/gm,
    (_, before: string, file: string) => `${before}${readFileSync(join(packageRoot, file), "utf8")}\`\`\``,
  );
}

/** `src/console/troubleshooting.ts`: the sections of docs/troubleshooting.md by code. A worker cannot read files. */
export function troubleshootingModule(): string {
  const page = readFileSync(join(packageRoot, "docs/troubleshooting.md"), "utf8");
  const entries = page
    .split(/^(?=#{1,2} )/m)
    .filter((section) => section.startsWith("## "))
    .map((section) => {
      const [heading = "", ...blocks] = section.trim().split(/\n\s*\n/);
      const texts = blocks.flatMap((block) => block.split(/\n(?=- )/)).map((text) => text.replace(/\s*\n\s*/g, " "));
      const causes = texts.filter((text) => text.startsWith("- ")).map((text) => text.slice(2));
      const meaning = texts.filter((text) => !text.startsWith("- "));
      return [heading.slice(3), { meaning, causes }] as const;
    });
  return `import type { RefusalCode } from "../base/result.ts";

/** A section of docs/troubleshooting.md: the meaning of a code and its usual causes, with bold and code in Markdown. */
interface Section {
  readonly meaning: readonly string[];
  readonly causes: readonly string[];
}

// Generated from docs/troubleshooting.md by \`npm run docs\`.
export const troubleshooting: Readonly<Record<RefusalCode, Section>> = ${JSON.stringify(Object.fromEntries(entries), null, 2)};
`;
}
