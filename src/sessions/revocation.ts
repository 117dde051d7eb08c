import { after, earlier, later, seconds, type UnixMilliseconds, type UnixSeconds, unixSeconds } from "../base/time.ts";

/** What can be forbidden. */
export const revocationKinds = ["session", "subject", "asset", "token", "login", "key"] as const;
export type RevocationKind = (typeof revocationKinds)[number];

/** Why: an operator or the viewer ended it, another device took its place, or its link was passed around. */
export const revocationCauses = ["revoked", "taken", "shared"] as const;
export type RevocationCause = (typeof revocationCauses)[number];

/**
 * An entry of the revocation log. `value` is a session id, a keyed hash of a subject or of a token, an asset id, the name of a
 * login (`identifiers.ts`) or a kid.
 * For a subject it forbids grants and tokens issued up to `at`: a viewer whose sessions were all ended may log in again.
 */
export interface Revocation {
  readonly kind: RevocationKind;
  readonly value: string;
  readonly cause: RevocationCause;
  /** When it was made. */
  readonly at: UnixSeconds;
  /** When all that it forbids has ended by itself, so that nobody needs it any more. */
  readonly until: UnixSeconds;
}

/** What of a session can be forbidden; a grant holds all of it. */
export interface Revocable {
  readonly sessionId: string;
  /** The keyed hash of its subject. */
  readonly subject: string;
  /** The keyed hash of the bearer token that it was started with, where that had a `jti`. */
  readonly token?: string | undefined;
  /** The `loginDigest` of the login that it was started from, where its credential named one. */
  readonly login?: string | undefined;
  readonly kid: string;
  readonly issuedAt: UnixSeconds;
}

/** Who had an entry made: an operator, or a viewer who ended a session, took a place over or signed out. */
export const revocationMakers = ["operator", "viewer"] as const;
export type RevocationMaker = (typeof revocationMakers)[number];

/** What has happened in the log since a cursor. */
export interface RevocationDelta {
  /** Where to go on from. */
  readonly cursor: number;
  /** What was added before that is in it. By the clock of who asked: no later than when the log was asked for this. */
  readonly asOf: UnixMilliseconds;
  /** True where the log does not know the cursor that was asked from: what is held is to be thrown away first. */
  readonly reset: boolean;
  /** Whether there is more behind `cursor` that did not fit. */
  readonly more: boolean;
  /** In the order in which they were added. One whose `until` has passed takes back an earlier one of its kind and value. */
  readonly entries: readonly Revocation[];
}

/** The port to the log. Each rejects where the store does not answer. */
export interface RevocationLog {
  /**
   * Adds entries, in one transaction. An entry for the same kind and value takes the later `until`. Resolves to how many were left
   * out: a full log takes no more entries of viewers, and always those of operators.
   */
  append(entries: readonly Revocation[], by: RevocationMaker): Promise<number>;
  /** Lets a viewer's entry end earlier, once something else refuses what it forbids. An operator's stays as it is. */
  shorten(kind: RevocationKind, value: string, until: UnixSeconds): Promise<void>;
  /** Takes back what is forbidden under this kind and value; false where nothing was. */
  lift(kind: RevocationKind, value: string): Promise<boolean>;
  since(cursor: number): Promise<RevocationDelta>;
}

/** How far the clocks of two data centres may be apart. */
export const clockSkew = seconds(60);

/** By how much a renewal may extend what an isolate remembers without its row being written: a third of a lease, up to 30 s. */
const unwritten = seconds(60);

/**
 * The entry for a session whose row says that it was ended. It has to last only as long as an isolate may remember the lease:
 * later the isolate asks, and finds the row.
 */
export function entryOfEnded(
  { sessionId, leaseUntil }: { readonly sessionId: string; readonly leaseUntil: UnixSeconds },
  cause: RevocationCause,
  now: UnixSeconds,
): Revocation {
  const until = after(later(leaseUntil, now), seconds(unwritten + clockSkew));
  return { kind: "session", value: sessionId, cause, at: now, until };
}

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
