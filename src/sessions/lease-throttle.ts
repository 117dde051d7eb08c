import { later, type Seconds, seconds, type UnixSeconds } from "../base/time.ts";
import type { LeaseRow } from "./lease-rows.ts";

/** Burst of claims per subject: enough for a household that comes home, or a player in a restart loop. */
const atOnce = 30;
/** After the burst, one more claim per this many seconds: a viewer who browses is slower. */
const refill = seconds(2);

/**
 * From this many ended sessions with unexpired grants on, a subject's starts are throttled. Each ended session is a row
 * until its grant expires, and for one lease an entry of the revocation log in the memory of every isolate.
 */
const manyEnded = 200;
/** Throttled rate: one start per this many seconds, about half the rate of someone switching channels. */
const slowly = seconds(30);
/**
 * Sessions of six hours never reach this maximum: the first 200 and 720 throttled ones are 920. It bounds longer
 * sessions.
 */
const mostEnded = 1000;

/**
 * Spends a claim at `now` from a subject's budget. If the budget is used up, the time until the next claim is allowed.
 */
export type ClaimBudget = (now: UnixSeconds) => Seconds | undefined;

/**
 * A budget of claims, full at first. It stops bursts, so it is in memory only: by the time it is forgotten, the burst
 * is over. {@link waitAfterMany} is the lasting limit.
 */
export function claimBudget(): ClaimBudget {
  let left = atOnce;
  let countedAt: UnixSeconds | undefined;
  return (now) => {
    const passed = Math.max(now - (countedAt ?? now), 0);
    left = Math.min(left + passed / refill, atOnce);
    countedAt = later(countedAt ?? now, now);
    if (left < 1) return seconds(Math.ceil((1 - left) * refill));
    left--;
    return undefined;
  };
}

/** How long a subject with very many ended sessions waits for the next start; undefined for no wait. */
export function waitAfterMany(rows: ReadonlyMap<string, LeaseRow>, now: UnixSeconds): Seconds | undefined {
  if (rows.size < manyEnded) return undefined;
  let count = 0;
  let lastStart = 0;
  let firstEnd = Number.POSITIVE_INFINITY;
  for (const { ended, startedAt, expiresAt } of rows.values()) {
    lastStart = Math.max(lastStart, startedAt);
    if (ended === undefined || expiresAt <= now) continue;
    count++;
    firstEnd = Math.min(firstEnd, expiresAt);
  }
  if (count < manyEnded) return undefined;
  const wait = (count < mostEnded ? lastStart + slowly : firstEnd) - now;
  return wait > 0 ? seconds(wait) : undefined;
}
