import type { Refusal } from "../../base/refusal.ts";
import { ok, type Result, refuse } from "../../base/result.ts";
import type { RatePolicy } from "../../limits/rate-limit.ts";
import type { SessionContext, SessionRequest } from "./context.ts";
import { fromStore } from "./store-failure.ts";

/**
 * Counts this request under a name, where there is a policy and somebody to count: `rate_limited` once the quota of the
 * window is used up, `store_unavailable` where nobody knows and the operator wants it so.
 */
export async function withinRate(
  policy: RatePolicy | undefined,
  name: string | undefined,
  request: Pick<SessionRequest, "onStanding">,
  context: SessionContext,
): Promise<Result<undefined, Refusal>> {
  if (policy === undefined || name === undefined) return ok(undefined);
  const taken = await fromStore("the rate limits", context.limits.take(policy, name, context.clock()), context);
  if (!taken.ok) {
    if (context.settings.storeFailure === "closed") return taken;
    context.onFailure(taken.refusal);
    return ok(undefined);
  }
  request.onStanding(taken.value);
  if (taken.value.allowed) return ok(undefined);
  context.telemetry({ event: "limited", policy: policy.name });
  return refuse({
    code: "rate_limited",
    reason: `the quota of ${policy.name} is used up`,
    retryAfter: taken.value.resetsIn,
  });
}
