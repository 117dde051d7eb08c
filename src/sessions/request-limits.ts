import type { QuotaStatus, RatePolicy } from "../auth/rate-limit.ts";
import { ok, type Refusal, type Refused, type Result, refuse } from "../base/result.ts";
import { addressName, networkName } from "./identifiers.ts";
import { fromStore, type SessionContext, type SessionRequest } from "./session-context.ts";

type Asking = Pick<SessionRequest, "onQuotaStatus">;

/**
 * Counts this request under a name, if there is a policy and a counter. `rate_limited` if the window's quota is used
 * up; `store_unavailable` if the counter fails and `storeFailure` is "closed".
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
 * As {@link withinRate}, but from memory: it refuses if the quota is known to be used up, and does not count. For
 * requests that are counted later.
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

/** The quota of a network in quotas of one address: one client cannot use up the quota of its neighbours. */
const addressesInNetwork = 10;

/**
 * Counts a request that causes a call to another service, first per address (/64 of IPv6), then per network (/24, /48): an
 * attacker with one address is refused before the network is counted. Refusals of {@link withinRate}.
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

/** As {@link withinAddressRate}, but from memory, and without counting. */
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
