import type { QuotaStatus, RatePolicy } from "../auth/rate-limit.ts";
import { ok, type Refusal, type Refused, type Result, refuse } from "../base/result.ts";
import { addressName, networkName } from "./identifiers.ts";
import { fromStore, type SessionContext, type SessionRequest } from "./session-context.ts";

type Asking = Pick<SessionRequest, "onQuotaStatus">;

/**
 * Counts this request under a name, where there is a policy and somebody to count: `rate_limited` once the quota of the
 * window is used up, `store_unavailable` where nobody knows and the operator wants it so.
 */
export async function withinRate(
  policy: RatePolicy | undefined,
  name: string | undefined,
  request: Asking,
  context: SessionContext,
): Promise<Result<undefined, Refusal>> {
  if (policy === undefined || name === undefined) return ok(undefined);
  const taken = await fromStore("the rate limits", context.limits.take(policy, name, context.clock()), context);
  if (taken.ok) return judged(taken.value, request, context);
  if (context.settings.storeFailure === "closed") return taken;
  context.onFailure(taken.refusal);
  return ok(undefined);
}

/**
 * Refuses as {@link withinRate} does where the quota is known to be used up, and neither asks nor counts: for what is counted
 * only once it is known to be worth it.
 */
export function notSpent(
  policy: RatePolicy | undefined,
  name: string | undefined,
  request: Asking,
  context: SessionContext,
): Result<undefined, Refusal> {
  if (policy === undefined || name === undefined) return ok(undefined);
  const spent = context.limits.spent(policy, name, context.clock());
  return spent === undefined ? ok(undefined) : judged(spent, request, context);
}

function judged(standing: QuotaStatus, request: Asking, context: SessionContext): Result<undefined, Refusal> {
  request.onQuotaStatus(standing);
  return standing.allowed ? ok(undefined) : overQuota(standing, context);
}

/** `rate_limited`, counted in telemetry. */
export function overQuota(
  { policy, resetsIn }: Pick<QuotaStatus, "policy" | "resetsIn">,
  { telemetry }: Pick<SessionContext, "telemetry">,
): Refused<Refusal> {
  telemetry({ event: "limited", policy: policy.name });
  return refuse({ code: "rate_limited", reason: `the quota of ${policy.name} is used up`, retryAfter: resetsIn });
}

type AddressCheck = Pick<SessionRequest, "client" | "onQuotaStatus">;

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
  request: AddressCheck,
  context: SessionContext,
): Promise<Result<undefined, Refusal>> {
  const own = await withinRate(policy, addressName(request.client.address), request, context);
  if (!own.ok) return own;
  return withinRate(networkPolicy(policy), networkName(request.client.address), request, context);
}

/** Refuses as {@link withinAddressRate} does where one of the quotas is known to be used up, and neither asks nor counts. */
export function addressNotSpent(
  policy: RatePolicy | undefined,
  request: AddressCheck,
  context: SessionContext,
): Result<undefined, Refusal> {
  const own = notSpent(policy, addressName(request.client.address), request, context);
  return own.ok ? notSpent(networkPolicy(policy), networkName(request.client.address), request, context) : own;
}

/** `start-address` → `start-network`. */
function networkPolicy(policy: RatePolicy | undefined): RatePolicy | undefined {
  if (policy === undefined) return undefined;
  const name = policy.name.replace(/-address$/, "-network");
  return { ...policy, name, quota: policy.quota * addressesInNetwork };
}
