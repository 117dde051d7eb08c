import type * as z from "zod";
import { readJson, shownMember } from "../base/body-text.ts";
import { ok, type Refusal, type Result, refuse } from "../base/result.ts";
import { adviceOn, fieldText } from "../catalog/catalog-fault.ts";

const mostFaults = 16;

/**
 * Parses a request's JSON body with the schema of its route. If the body does not match, the refusal is `code` with one fault per
 * member. Schemas are strict, since a misspelt member such as `takeOver` would otherwise be ignored silently. `body_invalid` for
 * text that is not JSON.
 *
 * @example readBody(startBodySchema, '{"asset": "film", "takeOver": true}'); // faults: ["takeOver: no such member"]
 */
export function readBody<Schema extends z.ZodType>(
  schema: Schema,
  text: string,
  code: "body_invalid" | "revocation_invalid" = "body_invalid",
): Result<z.output<Schema>, Refusal> {
  const document = readJson(text);
  if (!document.ok) return document;
  const parsed = schema.safeParse(document.value);
  if (parsed.success) return ok(parsed.data);
  const { issues } = parsed.error;
  const places = issues.map((issue) =>
    issue.code === "unrecognized_keys" ? "an unknown member" : placeOf(issue.path),
  );
  const reason = `the body does not match its route: ${[...new Set(places)].join(", ")}`;
  return refuse({ code, reason, faults: issues.flatMap(faultsOf).slice(0, mostFaults) });
}

/**
 * For the client only. No fault quotes a value, which may be a credential; the log does not even get an unknown name.
 */
function faultsOf(issue: z.core.$ZodIssue): readonly string[] {
  if (issue.code !== "unrecognized_keys") return [`${placeOf(issue.path)}: ${adviceOn(issue)}`];
  return issue.keys.map((key) => `${shownMember(fieldText([...issue.path, key]))}: no such member`);
}

function placeOf(path: readonly PropertyKey[]): string {
  return fieldText(path) || "the body";
}
