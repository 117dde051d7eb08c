import { earlier, seconds, type UnixSeconds } from "../base/seconds.ts";
import type { RatePolicy, RateStanding } from "./rate-limit.ts";

/** What is kept of a name's window: when its first request came, and how many were let in since. */
export interface RateWindow {
  readonly startedAt: UnixSeconds;
  readonly count: number;
}

/** What comes of one request more. `window` is `known` itself where nothing has to be written down. */
export interface Taken {
  readonly window: RateWindow;
  readonly standing: RateStanding;
}

/**
 * Counts a request in a fixed window, which begins with a name's first request: so the windows of all names do not end at
 * once, and nobody gets two quotas around a full hour. Who is over his quota is not counted any further, and need not wait
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
