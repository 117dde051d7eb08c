import type { Refusal } from "../../base/refusal.ts";
import type { Result } from "../../base/result.ts";
import type { RatePolicy } from "../../limits/rate-limit.ts";
import type { SessionContext, SessionRequest } from "./context.ts";
import { addressName, networkName } from "./network-name.ts";
import { notSpent, withinRate } from "./within-rate.ts";

type Asking = Pick<SessionRequest, "client" | "onStanding">;

/** How many times the quota of an address its network has: one client cannot use up what its neighbours have. */
const addressesInNetwork = 10;

/**
 * Counts what a client has somebody else asked about, by its own address (/64 of IPv6) first, and then by its network (/24,
 * /48): an attacker with one address is refused before the network is counted. What {@link withinRate} refuses.
 *
 * @example await withinAddressRate({ name: "start-address", quota: 10_000, window }, request, context); // and start-network
 */
export async function withinAddressRate(
  policy: RatePolicy | undefined,
  request: Asking,
  context: SessionContext,
): Promise<Result<undefined, Refusal>> {
  const own = await withinRate(policy, addressName(request.client), request, context);
  if (!own.ok) return own;
  return withinRate(networkPolicy(policy), networkName(request.client), request, context);
}

/** Refuses as {@link withinAddressRate} does where one of the quotas is known to be used up, and neither asks nor counts. */
export function addressNotSpent(
  policy: RatePolicy | undefined,
  request: Asking,
  context: SessionContext,
): Result<undefined, Refusal> {
  const own = notSpent(policy, addressName(request.client), request, context);
  return own.ok ? notSpent(networkPolicy(policy), networkName(request.client), request, context) : own;
}

/** `start-address` → `start-network`. */
function networkPolicy(policy: RatePolicy | undefined): RatePolicy | undefined {
  if (policy === undefined) return undefined;
  const name = policy.name.replace(/-address$/, "-network");
  return { ...policy, name, quota: policy.quota * addressesInNetwork };
}
