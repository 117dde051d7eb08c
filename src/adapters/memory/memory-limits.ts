import { type RateWindow, takeFrom } from "../../limits/fixed-window.ts";
import type { RateLimits } from "../../limits/rate-limit.ts";

/** Rate limits in memory: for tests, and for a process that is alone. It forgets no name, so it is for few. */
export function memoryLimits(): RateLimits {
  const windows = new Map<string, RateWindow>();
  return {
    take: async (policy, name, now) => {
      const key = JSON.stringify([policy.name, name]);
      const { window, standing } = takeFrom(windows.get(key), policy, now);
      windows.set(key, window);
      return standing;
    },
  };
}
