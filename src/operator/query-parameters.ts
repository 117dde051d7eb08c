import { shownMember } from "../base/body-text.ts";
import { ok, type Refusal, type Result, refuse } from "../base/result.ts";
import type { RouteParameter } from "../http/route.ts";

/**
 * Checks the names in a query against the parameters of its route. A misspelt one such as `limt=5`, and all but the first of a
 * repeated one, would otherwise be ignored silently. No value is repeated: it may be a secret in the wrong place.
 *
 * @example checkParameters(new URLSearchParams("limt=5"), parameters); // faults: ["limt: no such parameter; known here: limit."]
 */
export function checkParameters(
  query: URLSearchParams,
  parameters: readonly RouteParameter[],
): Result<undefined, Refusal<"body_invalid">> {
  const known = parameters.filter((parameter) => parameter.in === "query");
  const faults = [...new Set(query.keys())].flatMap((name) => {
    const fault = faultOf(
      query.getAll(name),
      known.find((parameter) => parameter.name === name),
      known,
    );
    return fault === undefined ? [] : [`${shownMember(name)}: ${fault}`];
  });
  return faults.length === 0
    ? ok(undefined)
    : refuse({ code: "body_invalid", reason: "the query does not match its route", faults: faults.slice(0, 16) });
}

function faultOf(
  values: readonly string[],
  parameter: RouteParameter | undefined,
  known: readonly RouteParameter[],
): string | undefined {
  if (parameter === undefined)
    return known.length === 0
      ? "no such parameter; this route has none."
      : `no such parameter; known here: ${known.map(({ name }) => name).join(", ")}.`;
  if (values.length > 1) return "Give it once.";
  const allowed: readonly unknown[] | undefined =
    "enum" in parameter.schema && Array.isArray(parameter.schema.enum) ? parameter.schema.enum : undefined;
  return allowed === undefined || values.every((value) => allowed.includes(value))
    ? undefined
    : `Use ${allowed.join(" or ")}.`;
}
