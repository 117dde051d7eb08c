import type * as z from "zod";
import { ok, type Result, refuse } from "../base/result.ts";

/** What is wrong with a form, by the field that it is wrong with. */
export type Faults = Readonly<Record<string, string>>;

/** What a form asks, by the schema of the route that asks the same; or what is wrong with it, field by field. */
export function fieldsFor<Schema extends z.ZodType>(schema: Schema, form: unknown): Result<z.output<Schema>, Faults> {
  const parsed = schema.safeParse(form);
  if (parsed.success) return ok(parsed.data);
  return refuse(Object.fromEntries(parsed.error.issues.map(({ path, message }) => [String(path[0] ?? ""), message])));
}
