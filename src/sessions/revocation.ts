import { filesTtl, maxSessionTtl } from "../base/constants.ts";
import { after, earlier, later, seconds, type UnixMilliseconds, type UnixSeconds, unixSeconds } from "../base/time.ts";
import { type RevocationNote, writeNote } from "./revocation-note.ts";

/** The kinds of revocation. */
export const revocationKinds = ["session", "subject", "asset", "token", "login", "key"] as const;
export type RevocationKind = (typeof revocationKinds)[number];

/**
 * `revoked`: by an operator or the viewer. `taken`: playback moved to another device. `shared`: its link was passed
 * around.
 */
export const revocationCauses = ["revoked", "taken", "shared"] as const;
export type RevocationCause = (typeof revocationCauses)[number];

/**
 * An entry of the revocation log. `value` is a session id, a hash or digest of a subject or token, an asset id, a
 * `loginDigest` or a kid (see `identifiers.ts`). A subject's entry forbids grants and tokens issued up to `at`, so the
 * viewer can sign in again.
 */
export interface Revocation {
  readonly kind: RevocationKind;
  readonly value: string;
  readonly cause: RevocationCause;
  readonly at: UnixSeconds;
  /** When everything that it forbids has expired, or leases refuse it, so the entry is no longer needed. */
  readonly until: UnixSeconds;
  /**
   * Of a session or login, if it is known: when the last grant that it may have expires. A CDN without leases needs the entry
   * until then.
   */
  readonly lastGrant?: UnixSeconds | undefined;
  /** Of a session, if it is known: the `subjectHash` of its viewer. */
  readonly subject?: string | undefined;
  /** Of an operator's entry: who made it, and why. */
  readonly note?: RevocationNote | undefined;
}

/** The parts of a session's grant that can be revoked. */
export interface Revocable {
  readonly sessionId: string;
  /** The `subjectHash`. */
  readonly subject: string;
  /** The `tokenHash` of the bearer token that started it, if that had a `jti`. */
  readonly token?: string | undefined;
  /** The `loginDigest` of its credential's login, if it named one. */
  readonly login?: string | undefined;
  readonly kid: string;
  /** The kid of the key of the backend's credential that started it, if a backend did. */
  readonly signer?: string | undefined;
  readonly issuedAt: UnixSeconds;
}

/**
 * The maker of an entry: an operator, or a viewer who ended a session, moved playback to another device or signed out.
 */
export const revocationMakers = ["operator", "viewer"] as const;
export type RevocationMaker = (typeof revocationMakers)[number];

/** An entry as the log reports it. */
export interface LoggedRevocation extends Revocation {
  /** Only in full, and if the log's release says it. */
  readonly by?: RevocationMaker | undefined;
}

/**
 * plain: what the edge needs, which every isolate has in memory. full: in addition the maker, `lastGrant`, `subject` and `note`. A
 * beginning in full has also the entries of sessions that ended a short time ago, and that leases refuse already. operators:
 * in full, but only the valid entries that operators made.
 */
export const revocationDetails = ["plain", "full", "operators"] as const;
export type RevocationDetail = (typeof revocationDetails)[number];

/** The changes of the log since a cursor. */
export interface RevocationDelta {
  /** The cursor of the next request. */
  readonly cursor: number;
  /** Everything added before this time is included. By the reader's clock, and no later than the request to the log. */
  readonly asOf: UnixMilliseconds;
  /** True if the log does not know the request's cursor: discard the snapshot first. */
  readonly reset: boolean;
  /** Whether there are more entries after `cursor`. */
  readonly more: boolean;
  /** Grants from before this time are refused: the store lost the entries about them. */
  readonly notBefore?: UnixSeconds | undefined;
  /** In the order of their addition. An entry whose `until` has passed lifts the earlier one of its kind and value. */
  readonly entries: readonly LoggedRevocation[];
}

/** What the entries of a log are found by: there is one of each kind and value. */
export function entryName({ kind, value }: Pick<Revocation, "kind" | "value">): string {
  return `${kind} ${value}`;
}

/** Entries in groups of `size` at most, which a store writes in one step. */
export function* inGroups<Entry>(entries: readonly Entry[], size: number): Iterable<readonly Entry[]> {
  for (let from = 0; from < entries.length; from += size) yield entries.slice(from, from + size);
}

/** The port to the log. Each method rejects if the store does not answer. */
export interface RevocationLog {
  /**
   * Adds entries, in one transaction. Entries of the same kind and value merge to the later `until`. Resolves to the
   * number of skipped entries: a full log skips those of viewers, never those of operators.
   */
  append(entries: readonly Revocation[], by: RevocationMaker): Promise<number>;
  /** Shortens a viewer's entry once lease rows refuse the same sessions. An operator's entry stays unchanged. */
  shorten(kind: RevocationKind, value: string, until: UnixSeconds): Promise<void>;
  /** Lifts the entry of this kind and value; false if there is none. */
  lift(kind: RevocationKind, value: string): Promise<boolean>;
  /** `detail` is plain by default. */
  since(cursor: number, detail?: RevocationDetail): Promise<RevocationDelta>;
}

/** Maximum difference between the clocks of two data centres. */
export const clockSkew = seconds(60);

/**
 * Margin for a lease that was extended without a write of its row, by at most a third of a lease, up to 30 s; and for an expiry
 * that a renewal moved without a write, by up to 60 s.
 */
const unwritten = seconds(60);

/**
 * The entry for a session with an ended row. It lasts only as long as an isolate may remember the lease: after that the
 * isolate checks the row. `expiresAt` and `subject` are those of the row, if they are known.
 */
export function entryOfEnded(
  ended: { readonly sessionId: string; readonly leaseUntil: UnixSeconds; readonly expiresAt?: UnixSeconds | undefined },
  cause: RevocationCause,
  now: UnixSeconds,
  subject: string,
): Revocation {
  const { sessionId, leaseUntil, expiresAt } = ended;
  const margin = seconds(unwritten + clockSkew);
  const until = after(later(leaseUntil, now), margin);
  const lastGrant = expiresAt && after(expiresAt, margin);
  return { kind: "session", value: sessionId, cause, at: now, until, subject, ...(lastGrant && { lastGrant }) };
}

/** The value of {@link signOutLeftOut}. No hash or digest of a subject has it. */
export const signOutsLeftOut = "sign-outs-left-out";

/** The value of {@link endLeftOut}. No hash or digest of a subject has it. */
const endsLeftOut = "ends-left-out";

/** The values of the entries for what a full log leaves out: an append finds these as well. */
export const leftOutNotes: readonly string[] = [signOutsLeftOut, endsLeftOut];

/** The times of these entries are rounded up to this, so that they are not written for each end. */
const leftOutStep = seconds(600);

/**
 * The one entry that a full log adds for all sign-outs that it leaves out. Grants of `POST /files` have no row that could
 * refuse them, so while this entry lasts, their logins are asked for in the viewers' objects, which know each sign-out.
 * It lasts until the last such grant and the last access token of the login have expired. Releases that do not know it
 * read it as an entry of a subject that nobody is.
 */
export function signOutLeftOut({ at, until }: Revocation): Revocation {
  // A login's entry lasts as long as a session that its last access token starts.
  const tokensUntil = until - maxSessionTtl;
  const last = Math.max(at + filesTtl, tokensUntil) + 2 * clockSkew;
  return leftOut(signOutsLeftOut, last);
}

/**
 * The one entry that a full log adds for all ended sessions and sign-outs that it leaves out. A CDN without rows would renew
 * their URLs, so while this entry lasts, the manifest host does. It lasts until the last grant of these sessions has expired.
 */
function endLeftOut({ kind, at, until, lastGrant }: Revocation): Revocation {
  return leftOut(endsLeftOut, lastGrant ?? (kind === "session" ? at + maxSessionTtl : until));
}

function leftOut(value: string, last: number): Revocation {
  const until = unixSeconds(Math.ceil(last / leftOutStep) * leftOutStep);
  return { kind: "subject", value, cause: "revoked", at: unixSeconds(0), until };
}

/** An entry as the log stores it. */
export interface KeptRevocation extends Revocation {
  readonly by: RevocationMaker;
  /**
   * When it may be removed. Later than `until` for a lifted or shortened entry: until then a snapshot may contain the
   * entry without the change. And for a session whose grants last longer: until then a CDN's store may not have the entry.
   */
  readonly keepUntil: UnixSeconds;
}

/** The entry of a row. */
export function entryOfRow(row: KeptRevocation, detail: RevocationDetail = "plain"): LoggedRevocation {
  const { kind, value, cause, at, until, lastGrant, subject, note, by } = row;
  if (detail === "plain") return { kind, value, cause, at, until };
  return {
    ...{ kind, value, cause, at, until, by },
    ...(lastGrant !== undefined && { lastGrant }),
    ...(subject !== undefined && { subject }),
    ...(note !== undefined && { note }),
  };
}

/** Whether a reader that begins at `now` gets this row: not if it was lifted. */
export function isOfBeginning(
  { until, lastGrant }: Pick<Revocation, "until" | "lastGrant">,
  detail: RevocationDetail = "plain",
  now: UnixSeconds,
): boolean {
  return until > now || (detail === "full" && until > 0 && lastGrant !== undefined && lastGrant > now);
}

/** After this long without an answer of the log, a snapshot is read again from the beginning. */
export const longestSilence = seconds(600);

/** How long the log reports that an entry was lifted, or that a session ended. An older snapshot is read again from the beginning. */
const toldFor = seconds(longestSilence + 300);

/** Merges `entry` into `kept`; undefined if nothing changes. */
export function merge(
  kept: KeptRevocation | undefined,
  entry: Revocation,
  by: RevocationMaker,
  now: UnixSeconds,
): KeptRevocation | undefined {
  if (entry.until <= now) return undefined;
  const own = later(entry.until, earlier(entry.lastGrant ?? entry.until, after(now, toldFor)));
  if (kept === undefined) return { ...entry, by, keepUntil: own };
  const keepUntil = later(kept.keepUntil, own);
  const subject = kept.subject ?? entry.subject;
  const lastGrant = later(kept.lastGrant ?? unixSeconds(0), entry.lastGrant ?? unixSeconds(0));
  const details = { ...(lastGrant > 0 && { lastGrant }), ...(subject !== undefined && { subject }) };
  if (kept.until <= now) return { ...entry, ...details, by, keepUntil };
  // The first cause is the true one, since an ended session cannot end again. A subject's later `at` forbids more.
  const { cause, at } = entry.kind === "subject" && entry.at > kept.at ? entry : kept;
  const until = later(kept.until, entry.until);
  const maker = by === "operator" ? by : kept.by;
  // The last operator's reason is the one that holds.
  const note = entry.note ?? kept.note;
  const isSame =
    at === kept.at &&
    until === kept.until &&
    maker === kept.by &&
    lastGrant <= (kept.lastGrant ?? unixSeconds(0)) &&
    writeNote(note) === writeNote(kept.note);
  return isSame ? undefined : { ...kept, ...details, note, cause, at, until, by: maker, keepUntil };
}

/** What an append finds in the log before it writes. */
export interface LogBefore {
  readonly find: (kind: RevocationKind, value: string) => KeptRevocation | undefined;
  /** Whether a viewer's entry is skipped after this many were added. */
  readonly isFull: (added: number) => boolean;
  readonly now: UnixSeconds;
}

/** The rows that an append writes, in order. `added`: those that were not valid before. */
export interface PlannedAppend {
  readonly writes: readonly KeptRevocation[];
  readonly added: number;
  readonly skipped: number;
}

/** Decides an append: each entry is merged with its row. A full log skips viewers' entries and notes that. */
export function planAppend(
  entries: readonly Revocation[],
  by: RevocationMaker,
  { find, isFull, now }: LogBefore,
): PlannedAppend {
  const writes = new Map<string, KeptRevocation>();
  let [added, skipped] = [0, 0];
  const known = ({ kind, value }: Revocation) => writes.get(`${kind} ${value}`) ?? find(kind, value);
  const write = (row: KeptRevocation | undefined) => {
    if (row === undefined) return;
    const key = `${row.kind} ${row.value}`;
    writes.delete(key);
    writes.set(key, row);
  };
  for (const entry of entries) {
    const before = known(entry);
    const row = merge(before, entry, by, now);
    if (row === undefined) continue;
    const isNew = before === undefined || before.until <= now;
    if (isNew && by === "viewer" && isFull(added)) {
      skipped++;
      for (const note of [endLeftOut(entry), ...(entry.kind === "login" ? [signOutLeftOut(entry)] : [])])
        write(merge(known(note), note, "viewer", now));
      continue;
    }
    if (isNew) added++;
    write(row);
  }
  return { writes: [...writes.values()], added, skipped };
}

/** `kept` with an earlier `until`; undefined if that is not earlier, or the entry is an operator's. Its last grant stays. */
export function shortened(
  kept: KeptRevocation | undefined,
  until: UnixSeconds,
  now: UnixSeconds,
): KeptRevocation | undefined {
  if (kept === undefined || kept.by === "operator" || kept.until <= until) return undefined;
  const lastGrant = kept.lastGrant ?? kept.until;
  return { ...kept, until, lastGrant, keepUntil: earlier(kept.keepUntil, later(until, after(now, toldFor))) };
}

/** `kept` after a lift; undefined if it forbids nothing. */
export function takeBack(kept: KeptRevocation | undefined, now: UnixSeconds): KeptRevocation | undefined {
  if (kept === undefined || kept.until <= now) return undefined;
  return { ...kept, until: unixSeconds(0), keepUntil: earlier(kept.keepUntil, after(now, toldFor)) };
}
