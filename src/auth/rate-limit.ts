import { makeRoom } from "../base/bounded-map.ts";
import { after, between, earlier, type Seconds, seconds, type UnixSeconds } from "../base/time.ts";

/**
 * How many of something one name may do in a window: the operator's quota, which clients are told of, and which holds over
 * restarts. The throttle of claims (`sessions/lease-throttle.ts`) is different: it delays a storm of starts for seconds, in
 * the viewer's own object and without memory, so that the storm fills neither that nor the revocation log.
 */
export interface RatePolicy {
  /**
   * As in RateLimit-Policy: `start-subject`, `start-address`, `start-network`, `refused-address`,
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
  /** How many are left in this window. */
  readonly remaining: number;
  /** When the window ends and the quota is whole again. */
  readonly resetsIn: Seconds;
}

/**
 * The port to what counts: right under concurrency, since each name is counted in one place. `name` is a hash or a network,
 * never an address, an account or a token. It rejects where the store does not answer.
 */
export interface RateLimits {
  take(policy: RatePolicy, name: string, now: UnixSeconds): Promise<QuotaStatus>;
}

/** What is kept of a name's window: when its first request came, and how many were let in since. */
export interface RateWindow {
  readonly startedAt: UnixSeconds;
  readonly count: number;
}

/** What comes of one request more. `window` is `known` itself where nothing has to be written down. */
export interface Taken {
  readonly window: RateWindow;
  readonly standing: QuotaStatus;
}

/**
 * Counts a request in a fixed window, which begins with a name's first request: so the windows of all names do not end at
 * once, and nobody gets two quotas around a full hour. Requests over the quota are not counted, so nobody has to wait
 * longer for having asked.
 *
 * Workers' clocks differ a little. A window that began later than now is moved to now: a clock that was ahead neither shuts
 * a name out for longer than a window, nor gives it a quota at once.
 */
export function takeFrom(known: RateWindow | undefined, policy: RatePolicy, now: UnixSeconds): Taken {
  const current = known !== undefined && now < endOf(known, policy) ? known : { startedAt: now, count: 0 };
  const allowed = current.count < policy.quota;
  const startedAt = earlier(current.startedAt, now);
  const count = allowed ? current.count + 1 : current.count;
  const window = !allowed && startedAt === current.startedAt ? current : { startedAt, count };
  return {
    window,
    standing: {
      policy,
      allowed,
      // The quota may have been lowered within the window.
      remaining: Math.max(policy.quota - count, 0),
      resetsIn: seconds(Math.max(endOf(window, policy) - now, 0)),
    },
  };
}

/** When a window ends: Unix seconds, perhaps with a fraction. From then on it is as if it had never been. */
export function endOf({ startedAt }: RateWindow, { window }: Pick<RatePolicy, "window">): number {
  return startedAt + window;
}

/** Limits that know without a question of quotas that are used up. */
export interface RememberedLimits extends RateLimits {
  /** The state of a quota that is known to be used up; undefined for any other. Nothing is counted. */
  spent(policy: RatePolicy, name: string, now: UnixSeconds): QuotaStatus | undefined;
  /** Remembers a standing that was counted elsewhere, where its quota is used up. */
  remember(standing: QuotaStatus, name: string, now: UnixSeconds): void;
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
