import { after, earlier, later, seconds, type UnixSeconds, unixSeconds } from "../base/seconds.ts";
import type { Revocation, RevocationMaker } from "./revocation.ts";

/** What the log keeps of an entry. */
export interface KeptRevocation extends Revocation {
  readonly by: RevocationMaker;
  /**
   * When it may be removed. That is after `until` where it was taken back or shortened: until then there may be a snapshot that
   * was told of it and not yet of its end.
   */
  readonly keepUntil: UnixSeconds;
}

/** A snapshot that the log has not answered for this long is no longer added to: it is read again from the beginning. */
export const longestSilence = seconds(600);

/** For how long the log says that an entry was taken back: a snapshot that is older begins again. */
const toldFor = seconds(longestSilence + 300);

/** What is to be kept once `entry` was added to `kept`; undefined where that changes nothing, so that nobody is told. */
export function merge(
  kept: KeptRevocation | undefined,
  entry: Revocation,
  by: RevocationMaker,
  now: UnixSeconds,
): KeptRevocation | undefined {
  if (entry.until <= now) return undefined;
  if (kept === undefined) return { ...entry, by, keepUntil: entry.until };
  const keepUntil = later(kept.keepUntil, entry.until);
  if (kept.until <= now) return { ...entry, by, keepUntil };
  // The first cause is the true one: what was ended cannot be ended again. A subject's later `at` forbids more.
  const { cause, at } = entry.kind === "subject" && entry.at > kept.at ? entry : kept;
  const until = later(kept.until, entry.until);
  const maker = by === "operator" ? by : kept.by;
  const isSame = at === kept.at && until === kept.until && maker === kept.by;
  return isSame ? undefined : { ...kept, cause, at, until, by: maker, keepUntil };
}

/** What is to be kept once `kept` ends earlier; undefined where it does not, or is an operator's. */
export function shortened(
  kept: KeptRevocation | undefined,
  until: UnixSeconds,
  now: UnixSeconds,
): KeptRevocation | undefined {
  if (kept === undefined || kept.by === "operator" || kept.until <= until) return undefined;
  return { ...kept, until, keepUntil: earlier(kept.keepUntil, later(until, after(now, toldFor))) };
}

/** What is to be kept once `kept` was taken back; undefined where it forbids nothing. */
export function takeBack(kept: KeptRevocation | undefined, now: UnixSeconds): KeptRevocation | undefined {
  if (kept === undefined || kept.until <= now) return undefined;
  return { ...kept, until: unixSeconds(0), keepUntil: earlier(kept.keepUntil, after(now, toldFor)) };
}
