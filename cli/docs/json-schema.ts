import * as z from "zod";

/** The members of a JSON Schema that a reference uses. */
export interface Schema {
  readonly type: string | undefined;
  readonly description: string | undefined;
  readonly default: unknown;
  readonly const: unknown;
  readonly enum: readonly unknown[];
  readonly minimum: number | undefined;
  readonly maximum: number | undefined;
  readonly minLength: number | undefined;
  readonly maxLength: number | undefined;
  readonly items: Schema | undefined;
  /** Alternatives: anyOf and oneOf. */
  readonly forms: readonly Schema[];
  readonly members: readonly (readonly [name: string, schema: Schema, required: boolean])[];
}

/** The schema of the input: a member of a file, or a variable. */
export function inputSchema(schema: z.ZodType): Schema {
  return read(z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }));
}

/** The schema of the parsed value: a number with its range, where the variable has digits. */
export function outputSchema(schema: z.ZodType): Schema {
  return read(z.toJSONSchema(schema, { io: "output", unrepresentable: "any" }));
}

function read(raw: unknown): Schema {
  const of = (name: string): unknown => (typeof raw === "object" && raw !== null ? Reflect.get(raw, name) : undefined);
  const list = (name: string): readonly unknown[] => {
    const value = of(name);
    return Array.isArray(value) ? value : [];
  };
  const text = (name: string) => (typeof of(name) === "string" ? String(of(name)) : undefined);
  const number = (name: string) => {
    const value = of(name);
    // Every integer has the bounds of safe integers, which are not worth printing.
    return typeof value === "number" && Math.abs(value) < Number.MAX_SAFE_INTEGER ? value : undefined;
  };
  const required = new Set(list("required"));
  return {
    type: text("type"),
    description: text("description"),
    default: of("default"),
    const: of("const"),
    enum: list("enum"),
    minimum: number("minimum"),
    maximum: number("maximum"),
    minLength: number("minLength"),
    maxLength: number("maxLength"),
    items: of("items") === undefined ? undefined : read(of("items")),
    forms: [...list("anyOf"), ...list("oneOf")].map(read),
    members: Object.entries(of("properties") ?? {}).map(([name, member]) => [name, read(member), required.has(name)]),
  };
}

/** The type and range of a value, in a few words. */
export function typeText(schema: Schema): string {
  const { type, const: only, enum: values, minimum, maximum, minLength, maxLength, items, forms } = schema;
  if (only !== undefined) return jsonCode(only);
  if (values.length > 0) return values.map(jsonCode).join(", ");
  if (forms.length > 0) return [...new Set(forms.map(typeText))].join(" or ");
  if (type === "array") return `a list${items === undefined ? "" : ` of: ${typeText(items)}`}`;
  const kind = type === "integer" ? "whole number" : (type ?? "anything");
  if (minimum !== undefined && maximum !== undefined) return `${kind}, ${minimum} to ${maximum}`;
  if (minLength !== undefined && maxLength !== undefined) return `${kind}, ${minLength} to ${maxLength} characters`;
  return kind;
}

export function jsonCode(value: unknown): string {
  return `\`${JSON.stringify(value)}\``;
}

/** A Markdown table. Characters that would end a cell are escaped. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(cell).join(" | ")} |`;
  return [line(head), `|${" --- |".repeat(head.length)}`, ...rows.map(line)].join("\n");
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("\n", " ");
}

export function code(text: string): string {
  return text === "" ? "" : `\`${text}\``;
}
