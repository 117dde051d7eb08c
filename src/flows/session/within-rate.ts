import type { Refusal } from "../../base/refusal.ts";
import { ok, type Refused, type Result, refuse } from "../../base/result.ts";
import type { RatePolicy, RateStanding } from "../../limits/rate-limit.ts";
import type { SessionContext, SessionRequest } from "./context.ts";
import { fromStore } from "./store-failure.ts";

type Asking = Pick<SessionRequest, "onStanding">;

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

function judged(standing: RateStanding, request: Asking, context: SessionContext): Result<undefined, Refusal> {
  request.onStanding(standing);
  return standing.allowed ? ok(undefined) : overQuota(standing, context);
}

/** `rate_limited`, and telemetry is told of it. */
export function overQuota(
  { policy, resetsIn }: Pick<RateStanding, "policy" | "resetsIn">,
  { telemetry }: Pick<SessionContext, "telemetry">,
): Refused<Refusal> {
  telemetry({ event: "limited", policy: policy.name });
  return refuse({ code: "rate_limited", reason: `the quota of ${policy.name} is used up`, retryAfter: resetsIn });
}
