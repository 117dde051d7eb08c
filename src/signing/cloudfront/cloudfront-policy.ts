import { hasLeadingZero, readDecimal } from "../../base/encoding.ts";
import { parseIpv4 } from "../../base/ip-address.ts";
import { ok, type Result, refuse } from "../../base/result.ts";
import { isUnixSeconds, type UnixSeconds } from "../../base/time.ts";

/**
 * The hash of a signature, as `Hash-Algorithm` names it. CloudFront uses SHA-1 if the parameter is absent ("Create a
 * signed URL using a custom policy", step 2, value 7).
 */
export type CloudFrontHash = "SHA1" | "SHA256";

/** When a URL is valid: before `expires`, and after `starts` if that is set. */
export type CloudFrontWindow = {
  readonly expires: UnixSeconds;
  readonly starts?: UnixSeconds;
  /** The only client address or range that may use the URL: `192.0.2.10` or `192.0.2.0/24`. IPv4 only. */
  readonly address?: string;
};

/** The latest time that CloudFront accepts: "use a 32-bit integer" (the canned policy's page, step 2, `Expires`). */
export const latestEpochTime = 2_147_483_647;

/**
 * The signed text of a canned policy. It is never sent: CloudFront makes it again from the URL ("How signed URLs
 * work"), so it has one spelling without white space. Signing and verifying both use this function.
 *
 * @param resource the whole URL with the viewer's own query and without CloudFront's parameters
 */
export function cannedPolicy(resource: string, expires: number): string {
  return `{"Statement":[{"Resource":${JSON.stringify(resource)},"Condition":{${before(expires)}}}]}`;
}

/**
 * The text of a custom policy, with its conditions in the SDK's order (CloudFront accepts any order: "Create a policy
 * statement for a signed URL that uses a custom policy").
 *
 * @param resource a URL in which `*` and `?` are wildcards
 * @param address an IPv4 range with its mask, as `192.0.2.10/32`
 */
export function customPolicy(
  resource: string,
  window: { readonly expires: number; readonly starts?: number; readonly address?: string },
): string {
  const { expires, starts, address } = window;
  const after = starts === undefined ? "" : `,"DateGreaterThan":{"AWS:EpochTime":${starts}}`;
  const from = address === undefined ? "" : `,"IpAddress":{"AWS:SourceIp":${JSON.stringify(address)}}`;
  return `{"Statement":[{"Resource":${JSON.stringify(resource)},"Condition":{${before(expires)}${after}${from}}}]}`;
}

function before(expires: number): string {
  return `"DateLessThan":{"AWS:EpochTime":${expires}}`;
}

/** The one statement of a custom policy. */
export type CloudFrontStatement = {
  /** Undefined if the policy has none: CloudFront then allows every file, and so does this code. */
  readonly resource: string | undefined;
  readonly expires: UnixSeconds;
  readonly starts: UnixSeconds | undefined;
  readonly range: Ipv4Range | undefined;
};

/**
 * Parses the statement of a custom policy: JSON in UTF-8, in which white space and the order of conditions do not
 * matter ("Create a policy statement for a signed URL that uses a custom policy"). Anything that CloudFront does not
 * document is refused, because an ignored condition is not enforced: several statements, unknown names, dates in
 * quotation marks, an address that is not an IPv4 range. The refusal says what was found.
 */
export function readStatement(policy: Uint8Array): Result<CloudFrontStatement, string> {
  const statements = membersOf(parseJson(policy), ["Statement"])?.Statement;
  if (!Array.isArray(statements) || statements.length !== 1) return refuse("it does not have exactly one statement");
  const statement = membersOf(statements[0], ["Resource", "Condition"]);
  const condition = membersOf(statement?.Condition, ["DateLessThan", "DateGreaterThan", "IpAddress"]);
  if (statement === undefined || condition === undefined)
    return refuse("its statement has members that CloudFront does not document");

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

/** The members of a JSON object that has only the named ones, or undefined. */
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

/** IPv4 addresses that agree with `address` in the bits set in `mask`. Unsigned 32-bit numbers. */
type Ipv4Range = { readonly address: number; readonly mask: number };

/**
 * A range in CIDR notation (RFC 4632 §3.1), as `192.0.2.0/24`, or undefined. The mask is required. Empty, hexadecimal
 * and octal-looking numbers, which the SDK accepts, are refused: their meaning to CloudFront is unknown.
 */
export function parseIpv4Range(text: string): Ipv4Range | undefined {
  const slash = text.indexOf("/");
  if (slash < 0) return undefined;
  const address = parseIpv4(text.slice(0, slash));
  const bits = hasLeadingZero(text, slash + 1) ? undefined : readDecimal(text, slash + 1);
  if (address === undefined || bits === undefined || bits > 32) return undefined;
  return { address, mask: bits === 0 ? 0 : (0xffff_ffff << (32 - bits)) >>> 0 };
}

export function isInRange(range: Ipv4Range, address: number): boolean {
  return ((range.address ^ address) & range.mask) === 0;
}
