import type { UnixSeconds } from "../../base/seconds.ts";

/**
 * The hash under a signature, as `Hash-Algorithm` names it. CloudFront takes SHA-1 where the parameter is absent ("Create
 * a signed URL using a custom policy", step 2, value 7).
 */
export type CloudFrontHash = "SHA1" | "SHA256";

/** When a URL holds: before `expires`, and after `starts` where that is given. */
export type CloudFrontWindow = {
  readonly expires: UnixSeconds;
  readonly starts?: UnixSeconds;
  /** The only client address, or range of them, that may use the URL: `192.0.2.10` or `192.0.2.0/24`. IPv4 alone. */
  readonly address?: string;
};

/** The last instant that CloudFront takes: "use a 32-bit integer" (the canned policy's page, step 2, `Expires`). */
export const latestEpochTime = 2_147_483_647;

/**
 * The text that the signature of a canned policy stands for. It is never sent: CloudFront makes it again from the URL
 * ("How signed URLs work"), so it has one spelling, without white space, and this function is that spelling for those
 * who sign and those who verify.
 *
 * @param resource the whole URL with the viewer's own query and without CloudFront's parameters
 */
export function cannedPolicy(resource: string, expires: number): string {
  return `{"Statement":[{"Resource":${JSON.stringify(resource)},"Condition":{${before(expires)}}}]}`;
}

/**
 * The text of a custom policy, with its conditions in the SDK's order (CloudFront takes any order: "Create a policy
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
