import * as z from "zod";
import { issuerSchema } from "../../src/auth/issuer.ts";
import { configSchema, settableSchemas } from "../../src/deployment/config-schema.ts";

/**
 * `stagedoor.config.schema.json`: the JSON Schema of a deployment's file, for editors. Settings have the ranges of the workers'
 * own schemas, and issuers their members; editors read only the shape of these, `npx stagedoor` checks the rest.
 */
export function configSchemaFile(): string {
  const schema = jsonSchema(configSchema, "input");
  const issuers = withoutRules(jsonSchema(issuerSchema, "input"));
  const settings = {
    type: "object",
    properties: Object.fromEntries(
      Object.entries(settableSchemas).map(([name, setting]) => [name, settingSchema(setting)]),
    ),
    additionalProperties: false,
  };
  const text = JSON.stringify(
    schema,
    (name, value: unknown) => {
      if (name === "settings" && isSchema(value)) return { ...settings, description: value.description };
      if (name === "issuers" && isSchema(value)) return { ...value, items: issuers };
      return value;
    },
    2,
  );
  return `${text}\n`;
}

function isSchema(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function jsonSchema(schema: z.ZodType, io: "input" | "output"): Readonly<Record<string, unknown>> {
  const { $schema, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: "any" });
  return io === "input" && schema === configSchema ? { $schema, ...rest } : rest;
}

/** A setting's schema in the file: a number or a list where its variable has digits or words. */
function settingSchema(setting: z.ZodType): Readonly<Record<string, unknown>> {
  const { description } = jsonSchema(setting, "input");
  return { ...jsonSchema(setting, "output"), description };
}

/** A secret is a reference in this file, and a text in the variable: so an issuer's secrets may have any type here. */
function withoutRules(issuer: Readonly<Record<string, unknown>>): unknown {
  return JSON.parse(
    JSON.stringify(issuer, (name, value: unknown) =>
      name === "clientSecret" && isSchema(value) ? { description: value.description } : value,
    ),
  );
}
