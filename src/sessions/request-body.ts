import type * as z from "zod";
import { readUniqueJson, shownMember } from "../base/body-text.ts";
import { adviceOn, fieldText } from "../base/issue-advice.ts";
import { ok, type Refusal, type Result, refuse } from "../base/result.ts";

const mostFaults = 16;

/** The refusal of a body that does not match its schema, with one fault per member. */
interface MismatchRefusal<Code extends "body_invalid" | "revocation_invalid"> {
  readonly code: Code;
  readonly reason: string;
  readonly faults: readonly string[];
}

/**
 * Parses a request's JSON body with the schema of its route. If the body does not match, the refusal has `code`; text
 * that is not JSON is always `body_invalid`. Schemas are strict, since a misspelt member such as `takeOver` would
 * otherwise be ignored silently.
 *
 * @example readBody(startBodySchema, '{"asset": "film", "takeOver": true}', "body_invalid"); // faults: ["takeOver: no such member"]
 */
export function readBody<Schema extends z.ZodType, Code extends "body_invalid" | "revocation_invalid">(
  schema: Schema,
  text: string,
  code: Code,
): Result<z.output<Schema>, Refusal<"body_invalid"> | MismatchRefusal<Code>> {
  const document = readUniqueJson(text);
  if (!document.ok) return document;
  const parsed = schema.safeParse(document.value);
  if (parsed.success) return ok(parsed.data);
  const { issues } = parsed.error;
  const places = issues.map((issue) =>
    issue.code === "unrecognized_keys" ? "an unknown member" : placeOf(issue.path),
  );
  const reason = `the body does not match its route: ${[...new Set(places)].join(", ")}`;
  return refuse({
    code,
    reason,
    faults: issues.flatMap((issue) => faultsOf(issue, document.value)).slice(0, mostFaults),
  });
}

/**
 * For the client only. No fault quotes a value, which may be a credential; the log does not even get an unknown name.
 */
function faultsOf(issue: z.core.$ZodIssue, document: unknown): readonly string[] {
  if (issue.code !== "unrecognized_keys") return [`${placeOf(issue.path)}: ${adviceOn(issue, document)}`];
  return issue.keys.map((key) => `${shownMember(fieldText([...issue.path, key]))}: no such member`);
}

function placeOf(path: readonly PropertyKey[]): string {
  return fieldText(path) || "the body";
}
