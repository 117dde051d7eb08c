import { makeRoom } from "../base/oldest-out.ts";
import { after, between, type UnixSeconds } from "../base/seconds.ts";
import type { RateLimits, RatePolicy, RateStanding } from "./rate-limit.ts";

/** Limits that know without a question of quotas that are used up. */
export interface RememberedLimits extends RateLimits {
  /** How a name stands whose quota is known to be used up; undefined for any other, and nothing is counted. */
  spent(policy: RatePolicy, name: string, now: UnixSeconds): RateStanding | undefined;
  /** Remembers a standing that was counted elsewhere, where its quota is used up. */
  remember(standing: RateStanding, name: string, now: UnixSeconds): void;
}

const mostKept = 1000;

/**
 * Remembers which quotas are used up, until their windows end: a window gives nothing back before that, so the answer is
 * the one that a question would have. A storm from a name that is over its quota then costs no question any more, and what is
 * counted only after it was done can be refused before.
 */
export function rememberSpent(limits: RateLimits): RememberedLimits {
  const ends = new Map<string, UnixSeconds>();
  const spent: RememberedLimits["spent"] = (policy, name, now) => {
    const key = keyOf(policy, name);
    const end = ends.get(key);
    if (end === undefined) return undefined;
    if (now < end) return { policy, allowed: false, remaining: 0, resetsIn: between(now, end) };
    ends.delete(key);
    return undefined;
  };
  const remember: RememberedLimits["remember"] = ({ allowed, policy, resetsIn }, name, now) => {
    if (allowed) return;
    makeRoom(ends, mostKept);
    ends.set(keyOf(policy, name), after(now, resetsIn));
  };
  return {
    spent,
    remember,
    take: async (policy, name, now) => {
      const known = spent(policy, name, now);
      if (known !== undefined) return known;
      const standing = await limits.take(policy, name, now);
      remember(standing, name, now);
      return standing;
    },
  };
}

/** With all of the policy: another quota may have something left. */
function keyOf(policy: RatePolicy, name: string): string {
  return JSON.stringify([policy.name, policy.quota, policy.window, name]);
}
