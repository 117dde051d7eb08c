import { type Html, html, prose } from "./html.ts";

type Members = Readonly<Record<string, unknown>>;

const isMembers = (value: unknown): value is Members =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const hasDefault = (schema: unknown) => members(schema).default !== undefined;
const members = (value: unknown): Members => (isMembers(value) ? value : {});
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** A JSON Schema's members as a list to read: name, type, what it tells, and what lies in it. */
export function fields(schema: unknown): Html | undefined {
  const { properties, required, items, oneOf } = members(schema);
  if (items !== undefined) return fields(items);
  const ways = list(oneOf)
    .map(fields)
    .filter((way) => way !== undefined);
  if (ways.length > 0) return html`${ways}`;
  const named = Object.entries(members(properties));
  if (named.length === 0) return undefined;
  const needed = new Set(list(required));
  return html`<ul class="fields">${named.map(([name, member]) => field(name, member, needed.has(name)))}</ul>`;
}

function field(name: string, schema: unknown, needed: boolean): Html {
  const { description } = members(schema);
  return html`<li><code class="name">${name}</code> <span class="type">${typeOf(schema)}${needed || hasDefault(schema) ? "" : ", or left out"}</span>${
    typeof description === "string" && html` <span class="tells">${prose(description)}</span>`
  }${fields(schema)}</li>`;
}

/** A schema's type in words, with its values or its range where they are few. */
export function typeOf(schema: unknown): string {
  const {
    type,
    enum: values,
    const: only,
    items,
    oneOf,
    anyOf,
    minimum,
    maximum,
    default: usual,
    format,
  } = members(schema);
  const ways = [...list(oneOf), ...list(anyOf)];
  const ending = usual === undefined ? "" : `, ${JSON.stringify(usual)} by default`;
  if (only !== undefined) return JSON.stringify(only);
  if (list(values).length > 12) return `a code${ending}`;
  if (values !== undefined) return `${list(values).join(" | ")}${ending}`;
  if (ways.length > 0) return `${[...new Set(ways.map(typeOf))].join(" or ")}${ending}`;
  if (type === "array") return `list of ${typeOf(items)}${ending}`;
  const range = [minimum, maximum].every((bound) => Number.isInteger(bound) && Math.abs(Number(bound)) < 2 ** 40);
  if (format === "date-time") return "time of RFC 3339 in UTC";
  return `${type ?? "anything"}${range ? ` ${minimum} to ${maximum}` : ""}${ending}`;
}
