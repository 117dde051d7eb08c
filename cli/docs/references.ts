import { readFileSync } from "node:fs";
import { join } from "node:path";
import type * as z from "zod";
import { issuerSchema } from "../../src/auth/issuer.ts";
import { assetSchema } from "../../src/catalog/asset.ts";
import { identitySettingsSchema } from "../../src/config/identity-configuration.ts";
import { settingsSchema } from "../../src/config/settings.ts";
import { oauthClientSchema } from "../../src/identity/identity-settings.ts";
import { projectRoot } from "../lib/project.ts";
import { code, madeBy, markdownTable, type Schema, takenBy, typeWords, written } from "./json-schema.ts";

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

interface Taken {
  /** The workers that do something else for it. */
  readonly by: readonly ("api" | "edge" | "manifest" | "identity")[];
  /** Whether its value is a secret: then it goes through `wrangler secret put`, and never into a wrangler.toml. */
  readonly secret?: true;
}

const three = { by: ["api", "edge", "manifest"] } as const satisfies Taken;
const api = { by: ["api"] } as const satisfies Taken;
const edge = { by: ["edge"] } as const satisfies Taken;
const identity = { by: ["identity"] } as const satisfies Taken;

/** The workers that read each setting. A new setting does not compile until it is listed here. */
const settingTakers: Readonly<Record<keyof typeof settingsSchema.shape, Taken>> = {
  STAGEDOOR_ENV: { by: [...three.by, "identity"] },
  STAGEDOOR_KEYS: { ...three, secret: true },
  STAGEDOOR_MEDIA_URL: three,
  // An issuer's introspection has a client secret.
  STAGEDOOR_ISSUERS: { ...api, secret: true },
  STAGEDOOR_GRANT_ISSUER: three,
  STAGEDOOR_BASE_PATH: api,
  STAGEDOOR_MANIFEST_TTL: api,
  STAGEDOOR_SESSION_TTL: { by: ["api", "manifest"] },
  STAGEDOOR_PAUSE_ALLOWANCE: { by: ["edge", "manifest"] },
  STAGEDOOR_EXPIRY_STEP: { by: ["edge", "manifest"] },
  STAGEDOOR_STREAM_LIMIT: api,
  STAGEDOOR_SHARED_NETWORKS: edge,
  STAGEDOOR_LEASE_TTL: { by: ["edge", "manifest"] },
  STAGEDOOR_REVOCATION_MAX_AGE: { by: ["api", "edge"] },
  STAGEDOOR_STORE_FAILURE: { by: ["api", "edge"] },
  STAGEDOOR_API_URL: { by: ["api", "identity"] },
  STAGEDOOR_ORIGINS: { by: ["api", "identity"] },
  STAGEDOOR_START_RATE: api,
  STAGEDOOR_START_RATE_ADDRESS: api,
  STAGEDOOR_REFUSED_RATE_ADDRESS: api,
  STAGEDOOR_SIGN_IN_RATE: api,
  STAGEDOOR_SIGN_IN_RATE_ADDRESS: api,
  STAGEDOOR_TOKEN_RATE_ADDRESS: api,
  STAGEDOOR_ENTITLEMENT_URL: api,
  STAGEDOOR_ENTITLEMENT_SECRET: { ...api, secret: true },
  STAGEDOOR_ENTITLEMENT_CACHE: api,
  STAGEDOOR_ORIGIN_SECRETS: three,
  STAGEDOOR_RENEWAL: { by: ["api", "edge"] },
};

const identitySettingTakers: Readonly<Record<keyof typeof identitySettingsSchema.shape, Taken>> = {
  STAGEDOOR_IDENTITY_SECRET: { ...identity, secret: true },
  STAGEDOOR_IDENTITY_IDLE: identity,
  STAGEDOOR_IDENTITY_ACCESS_TTL: identity,
  STAGEDOOR_IDENTITY_REFRESH_TTL: identity,
  STAGEDOOR_IDENTITY_REFRESH_GRACE: identity,
  STAGEDOOR_IDENTITY_BEARER_SIGNATURE: identity,
  STAGEDOOR_IDENTITY_CLIENTS: identity,
  STAGEDOOR_IDENTITY_ASSETS: identity,
  STAGEDOOR_IDENTITY_SIGN_UP: identity,
};

/** `src/console/troubleshooting.ts`: the sections of docs/troubleshooting.md by code, since a worker reads no files. */
export function troubleshootingModule(): string {
  const page = readFileSync(join(projectRoot, "docs/troubleshooting.md"), "utf8");
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

/** What a section says: what the code means, and what usually lies behind it; with bold and code in Markdown. */
interface Section {
  readonly meaning: readonly string[];
  readonly causes: readonly string[];
}

// Made of docs/troubleshooting.md by \`npm run docs\`: change that.
export const troubleshooting: Readonly<Record<RefusalCode, Section>> = ${JSON.stringify(Object.fromEntries(entries), null, 2)};
`;
}
