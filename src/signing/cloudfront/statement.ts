import { ok, type Result, refuse } from "../../base/result.ts";
import { isUnixSeconds, type UnixSeconds } from "../../base/seconds.ts";
import { type Ipv4Range, parseIpv4Range } from "./ipv4.ts";
import { latestEpochTime } from "./policy.ts";

/** The one statement of a custom policy. */
export type CloudFrontStatement = {
  /** Undefined where the policy leaves it out: CloudFront then opens every file that the key can open, and so do we. */
  readonly resource: string | undefined;
  readonly expires: UnixSeconds;
  readonly starts: UnixSeconds | undefined;
  readonly range: Ipv4Range | undefined;
};

/**
 * The statement of a custom policy from its bytes: JSON in UTF-8, in which white space and the order of the conditions do
 * not matter ("Create a policy statement for a signed URL that uses a custom policy"). Anything else than CloudFront
 * names there is refused, since a condition that is overlooked is a condition that is not kept: several statements,
 * unknown names, dates in quotation marks, an address that is no IPv4 range. The refusal says what was found.
 */
export function readStatement(policy: Uint8Array): Result<CloudFrontStatement, string> {
  const statements = membersOf(parseJson(policy), ["Statement"])?.Statement;
  if (!Array.isArray(statements) || statements.length !== 1)
    return refuse("it does not hold one statement and no more");
  const statement = membersOf(statements[0], ["Resource", "Condition"]);
  const condition = membersOf(statement?.Condition, ["DateLessThan", "DateGreaterThan", "IpAddress"]);
  if (statement === undefined || condition === undefined)
    return refuse("its statement holds what CloudFront does not name");

  const resource = statement.Resource;
  if (resource !== undefined && typeof resource !== "string") return refuse("its Resource is not a text");
  const expires = epochTime(condition.DateLessThan);
  if (expires === undefined) return refuse("its DateLessThan is missing or not a time");
  const starts = epochTime(condition.DateGreaterThan);
  if (starts === undefined && condition.DateGreaterThan !== undefined)
    return refuse("its DateGreaterThan is not a time");
  const source = membersOf(condition.IpAddress, ["AWS:SourceIp"])?.["AWS:SourceIp"];
  const range = typeof source === "string" ? parseIpv4Range(source) : undefined;
  if (range === undefined && condition.IpAddress !== undefined) return refuse("its IpAddress is not one range of IPv4");
  return ok({ resource, expires, starts, range });
}

function epochTime(value: unknown): UnixSeconds | undefined {
  const time = membersOf(value, ["AWS:EpochTime"])?.["AWS:EpochTime"];
  return isUnixSeconds(time) && time <= latestEpochTime ? time : undefined;
}

/** The members of a JSON object that has none but those named, or undefined. */
function membersOf<Name extends string>(
  value: unknown,
  names: readonly Name[],
): { readonly [Key in Name]?: unknown } | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const allowed: readonly string[] = names;
  return Object.keys(value).every((name) => allowed.includes(name)) ? value : undefined;
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    return undefined;
  }
}
