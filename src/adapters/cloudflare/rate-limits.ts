import type { UnixSeconds } from "../../base/seconds.ts";
import type { RateLimits, RatePolicy, RateStanding } from "../../limits/rate-limit.ts";

/** The part of a DurableObjectNamespace of LimitsObject that is used here. */
export interface LimitsNamespace<Id> {
  idFromName(name: string): Id;
  get(id: Id): { take(policy: RatePolicy, now: UnixSeconds): Promise<RateStanding> };
}

/** Rate limits in Durable Objects: one LimitsObject for each name under each policy. */
export function rateLimits<Id>(namespace: LimitsNamespace<Id>): RateLimits {
  return {
    take: async (policy, name, now) => namespace.get(namespace.idFromName(`${policy.name} ${name}`)).take(policy, now),
  };
}
