import type * as z from "zod";
import { assetSchema } from "../../src/catalog/asset.ts";
import { identitySettingsSchema } from "../../src/config/identity-configuration.ts";
import { settingsSchema } from "../../src/config/settings.ts";
import { issuerSchema } from "../../src/credential/issuer.ts";
import { oauthClientSchema } from "../../src/identity/client.ts";
import { madeBy, type Schema, takenBy, typeWords, written } from "./json-schema.ts";
import { code, markdownTable } from "./markdown.ts";
import { identitySettingTakers, settingTakers, type Taken } from "./setting-takers.ts";

/** `docs/configuration.md`, made of the schemas by which the workers read their configuration. */
export function configurationReference(): string {
  return `# Configuration

<!-- Written by \`npm run docs\` from the schemas in src: change it there. -->

Every setting is a variable of a worker's environment. What is no secret goes under \`[vars]\` of its \`wrangler.toml\`, a
secret through \`npx wrangler secret put\`. Give a setting to every worker that takes it; the others know it and leave it alone,
so all may be given the same. A worker with a wrong or a misspelt setting answers every request \`configuration_invalid\`, and
names every fault in its log; \`npx stagedoor doctor\` finds them before. Times are in seconds.

## The API, the edge and the manifest worker

${settingsTable(settingsSchema.shape, settingTakers)}

## The identity worker

${settingsTable(identitySettingsSchema.shape, identitySettingTakers)}

## Issuers

What a member of \`STAGEDOOR_ISSUERS\` holds: a JSON list of whose bearer tokens the API takes. Each has one of \`jwksUri\`,
\`jwks\` and \`introspection\`.

${membersTable(takenBy(issuerSchema))}

## Apps

What a member of \`STAGEDOOR_IDENTITY_CLIENTS\` holds.

${membersTable(takenBy(oauthClientSchema))}

## The catalog

A JSON document, \`{"version": 1, "assets": [...]}\`: a file beside \`npm start\`, the key \`catalog\` of the KV namespace
\`CATALOG\` when deployed. \`npx stagedoor assets check --catalog catalog.json\` names every fault in it at once; a member that it
does not know is one. An asset has these:

${membersTable(takenBy(assetSchema))}
`;
}

function settingsTable(shape: Readonly<Record<string, z.ZodType>>, takers: Readonly<Record<string, Taken>>): string {
  const rows = Object.entries(shape).map(([name, schema]) => {
    const { by, secret } = takers[name] ?? { by: [] };
    const { description = "" } = takenBy(schema);
    const usual = madeBy(schema).default;
    const left = schema.safeParse(undefined).success;
    const without = usual !== undefined ? code(usualText(usual)) : left ? "" : "**needed**";
    return [
      code(name),
      by.join(", "),
      without,
      allowed(schema),
      description.replace(/ \(a secret\)|, a secret/, "") + (secret ? " **A secret.**" : ""),
    ];
  });
  return markdownTable(["Setting", "Taken by", "Default", "Takes", "What it is"], rows);
}

/** The default as a variable would have it. */
function usualText(usual: unknown): string {
  return typeof usual === "object"
    ? Array.isArray(usual) && usual.length === 0
      ? ""
      : JSON.stringify(usual)
    : String(usual);
}

/** What a variable may hold: its values, its range, or what the worker says of a value that it does not take. */
function allowed(schema: z.ZodType): string {
  const made = madeBy(schema);
  if (made.enum.length > 0) return made.enum.map((value) => code(String(value))).join(", ");
  if (made.minimum !== undefined) return `${made.minimum} to ${made.maximum}`;
  const faults = schema.safeParse(" ").error?.issues.map(({ message }) => message) ?? [];
  const [first = "text"] = faults;
  return first.replace(/^not JSON: /, "JSON: ").replace(/^Invalid URL$/, "a URL");
}

/** Every member of an object, those of its members behind them. */
function membersTable(schema: Schema): string {
  return markdownTable(["Member", "Default", "Takes", "What it is"], rowsOf(schema, ""));
}

function rowsOf(schema: Schema, before: string): readonly (readonly string[])[] {
  const { members, items, forms } = schema;
  if (items !== undefined) return rowsOf(items, `${before}[]`);
  if (forms.length > 0) return forms.flatMap((form) => rowsOf(form, `${before}${nameOf(form)}`));
  return members.flatMap(([name, member, required]) => {
    const path = before === "" ? name : `${before}.${name}`;
    const without = member.default !== undefined ? written(member.default) : required ? "**needed**" : "";
    return [[code(path), without, typeWords(member), member.description ?? ""], ...rowsOf(member, path)];
  });
}

/** Which of several forms this is, by its member `type`. */
function nameOf({ members }: Schema): string {
  const type = members.find(([name]) => name === "type")?.[1].const;
  return type === undefined ? "" : `(${String(type)})`;
}
