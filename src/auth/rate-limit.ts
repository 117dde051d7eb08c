import { makeRoom } from "../base/bounded-map.ts";
import type { Refusal } from "../base/result.ts";
import { after, between, earlier, type Seconds, seconds, type UnixSeconds } from "../base/time.ts";

/**
 * A quota per name and window. Clients see it in their headers, and it survives restarts. The throttle of claims
 * (`sessions/lease-throttle.ts`) is different: it delays a storm of starts for seconds, in the viewer's own object and
 * without memory, so that the storm fills neither that object nor the revocation log.
 */
export interface RatePolicy {
  /**
   * The name in RateLimit-Policy: `start-subject`, `start-address`, `start-network`, `files-subject`, `refused-address`,
   * `refused-network`, `refused-console`, `sign-in-account`, `sign-in-address`, `token-address`.
   */
  readonly name: string;
  readonly quota: number;
  readonly window: Seconds;
}

/** The state of a quota after one more request. */
export interface QuotaStatus {
  readonly policy: RatePolicy;
  readonly allowed: boolean;
  /** The number of requests left in this window. */
  readonly remaining: number;
  /** Time until the window ends and the quota is full again. */
  readonly resetsIn: Seconds;
}

/**
 * The port to the counters. Each name is counted in one place, so the count is correct under concurrency. `name` is a
 * hash or a network, never an address, an account or a token. It rejects if the store does not answer.
 */
export interface RateLimits {
  take(policy: RatePolicy, name: string, now: UnixSeconds): Promise<QuotaStatus>;
}

/** The stored window of a name: the time of its first request, and the number of accepted requests. */
export interface RateWindow {
  readonly startedAt: UnixSeconds;
  readonly count: number;
}

/** The result of one more request. `window` is `known` itself if nothing has to be stored. */
export interface Taken {
  readonly window: RateWindow;
  readonly standing: QuotaStatus;
}

/**
 * Counts a request in a fixed window that begins with the name's first request. So windows do not all end at once, and
 * no name gets two quotas around a full hour. Requests over the quota are not counted, so retries do not prolong the
 * wait.
 *
 * Workers' clocks differ a little. A window that began later than now is moved to now, so that a fast clock neither
 * locks a name out for longer than a window nor gives it a second quota.
 */
export function takeFrom(known: RateWindow | undefined, policy: RatePolicy, now: UnixSeconds): Taken {
  const current = known !== undefined && now < endOf(known, policy) ? known : { startedAt: now, count: 0 };
  const allowed = current.count < policy.quota;
  const startedAt = earlier(current.startedAt, now);
  const count = allowed ? current.count + 1 : current.count;
  const window = !allowed && startedAt === current.startedAt ? current : { startedAt, count };
  return { window, standing: quotaStatus(window, policy, allowed, now) };
}

/** The state of a quota whose last request was `allowed` and left `window`. */
export function quotaStatus(window: RateWindow, policy: RatePolicy, allowed: boolean, now: UnixSeconds): QuotaStatus {
  return {
    policy,
    allowed,
    // The quota may have been lowered within the window.
    remaining: Math.max(policy.quota - window.count, 0),
    resetsIn: seconds(Math.max(endOf(window, policy) - now, 0)),
  };
}

/** The end of a window in Unix seconds, possibly with a fraction. From then on the window is ignored. */
export function endOf({ startedAt }: RateWindow, { window }: Pick<RatePolicy, "window">): number {
  return startedAt + window;
}

/** `store_unavailable`: the counter failed, and `storeFailure` is "closed". */
export type RateRefusal = Refusal<"rate_limited" | "store_unavailable">;

/** Rate limits that remember exhausted quotas. */
export interface RememberedLimits extends RateLimits {
  /** The state of a quota that is known to be exhausted; undefined for any other. Nothing is counted. */
  spent(policy: RatePolicy, name: string, now: UnixSeconds): QuotaStatus | undefined;
  /** Remembers a state that was counted elsewhere, if its quota is exhausted. */
  remember(standing: QuotaStatus, name: string, now: UnixSeconds): void;
}

const mostKept = 1000;

/**
 * Remembers exhausted quotas until their windows end: a window only fills up, so the store would give the same answer.
 * A storm from a name over its quota then costs no further requests to the store, and actions that are counted
 * afterwards can be refused beforehand.
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

/** The key includes the whole policy, because another quota may not be exhausted. */
function keyOf(policy: RatePolicy, name: string): string {
  return JSON.stringify([policy.name, policy.quota, policy.window, name]);
}
