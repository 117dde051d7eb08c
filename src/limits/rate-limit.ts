import type { Seconds, UnixSeconds } from "../base/seconds.ts";

/**
 * How many of something one name may do in a window: the operator's quota, which clients are told of, and which holds over
 * restarts. The brake on claims (`sessions/lease-brake.ts`) is another thing: it holds up a storm of starts for seconds, in
 * the viewer's own object and without memory, so that he fills neither that nor the log of revocations.
 */
export interface RatePolicy {
  /**
   * As it stands in RateLimit-Policy: `start-subject`, `start-address`, `start-network`, `refused-address`,
   * `refused-network`, `refused-console`, `sign-in-account`, `sign-in-address`, `token-address`.
   */
  readonly name: string;
  readonly quota: number;
  readonly window: Seconds;
}

/** How a name stands after it asked once more. */
export interface RateStanding {
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
  take(policy: RatePolicy, name: string, now: UnixSeconds): Promise<RateStanding>;
}
