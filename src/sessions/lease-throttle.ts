import { later, type Seconds, seconds, type UnixSeconds } from "../base/time.ts";
import type { LeaseRow } from "./lease-rows.ts";

/** So many claims of one subject pass at once: a household that comes home, a player that starts over and over. */
const atOnce = 30;
/** And one more in so many seconds after that. Who looks for something to watch is slower. */
const refill = seconds(2);

/**
 * From how many ended sessions on, whose grants last, a subject's next ones start slowly. Each is a row until its grant has
 * expired, and for a lease an entry in the revocation log, which every isolate holds.
 */
const manyEnded = 200;
/** Throttled rate: one start per this many seconds, about half the rate of someone switching channels. */
const slowly = seconds(30);
/** With sessions of six hours nobody comes so far: the first 200 and 720 slow ones are 920. It bounds longer ones. */
const mostEnded = 1000;

/** Takes a claim at `now` out of a subject's budget; where that is used up, how long until there is one again. */
export type ClaimBudget = (now: UnixSeconds) => Seconds | undefined;

/**
 * A budget of claims, full at first. It is kept in memory alone, since it stops a storm: who waits until it is forgotten is
 * none. What lasts is in {@link waitAfterMany}.
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

/** How long a subject waits for another session after very many that were ended before their time; undefined for not at all. */
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
