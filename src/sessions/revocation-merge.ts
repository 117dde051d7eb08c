import { later, type UnixSeconds, unixSeconds } from "../base/seconds.ts";
import type { Revocation } from "./revocation.ts";

/** What the log keeps of an entry. */
export interface KeptRevocation extends Revocation {
  /**
   * When nobody can hold it any more, so that it may go. Behind `until` where it was taken back: until then there may be
   * a snapshot that was told of it and not yet of its end.
   */
  readonly keepUntil: UnixSeconds;
}

/** What is to be kept once `entry` was added to `kept`; undefined where that changes nothing, so that nobody is told. */
export function merge(
  kept: KeptRevocation | undefined,
  entry: Revocation,
  now: UnixSeconds,
): KeptRevocation | undefined {
  if (entry.until <= now) return undefined;
  if (kept === undefined) return { ...entry, keepUntil: entry.until };
  const keepUntil = later(kept.keepUntil, entry.until);
  if (kept.until <= now) return { ...entry, keepUntil };
  // The first cause is the true one: what was ended cannot be ended again. A subject's later `at` forbids more.
  const { cause, at } = entry.kind === "subject" && entry.at > kept.at ? entry : kept;
  const until = later(kept.until, entry.until);
  return at === kept.at && until === kept.until ? undefined : { ...kept, cause, at, until, keepUntil };
}

/** What is to be kept once `kept` was taken back; undefined where it forbids nothing. */
export function takeBack(kept: KeptRevocation | undefined, now: UnixSeconds): KeptRevocation | undefined {
  return kept === undefined || kept.until <= now ? undefined : { ...kept, until: unixSeconds(0) };
}
