import { after, earlier, later, type Seconds, seconds, type UnixSeconds } from "../base/time.ts";
import type {
  ClaimDecision,
  EndedStream,
  LeaseClaim,
  LeaseTouch,
  RunningStream,
  StreamState,
  TouchAnswer,
} from "./lease.ts";
import { decideNetwork, isAlive, trustedIn } from "./lease-networks.ts";
import type { LeaseRow } from "./lease-rows.ts";
import { clockSkew } from "./revocation.ts";

export interface LeaseTimes {
  /** How long a session holds its lease after it was last seen. */
  readonly leaseTtl: Seconds;
  /** How often a session is written down at most. */
  readonly writeInterval: Seconds;
}

type Rows = ReadonlyMap<string, LeaseRow>;

/** By how much a renewal may move a session's end before that is written down at once. */
const unwrittenEnd = seconds(60);

export function holds(row: LeaseRow, now: UnixSeconds): boolean {
  return row.ended === undefined && row.leaseUntil > now;
}

/**
 * What a claim comes to (its `network` is a hash by now), the rows that it changes, of which some belong to other sessions, and the session's own row where
 * that is only remembered: a renewal that comes soon after another says little that is new.
 */
export function decideClaim(
  rows: Rows,
  claim: LeaseClaim,
  times: LeaseTimes,
): { readonly answer: ClaimDecision; readonly write: readonly LeaseRow[]; readonly remember?: LeaseRow } {
  const { sessionId, now, limit, takeover } = claim;
  const known = rows.get(sessionId);
  if (known?.ended !== undefined) return { answer: { status: "ended", cause: known.ended }, write: [] };
  const renewed = claimed(known, claim, times);
  if (known !== undefined && holds(known, now)) {
    const answer = { status: "granted", taken: [] } as const;
    return isNews(known, claim, times)
      ? { answer, write: [renewed] }
      : { answer, write: [], remember: lasting(known, claim.expiresAt) };
  }
  if (limit === undefined) return { answer: { status: "granted", taken: [] }, write: [renewed] };
  const running = runningIn(rows, now);
  const surplus = running.length + 1 - limit;
  if (surplus > 0 && (!takeover || limit < 1))
    return { answer: { status: "limited", running: running.map(toldOf) }, write: [] };
  const taken = running.slice(0, Math.max(surplus, 0)).map((row) => ({ ...row, ended: "taken" as const }));
  const before = [...rows.values()].filter((row) => isBelieved(row, now));
  return { answer: { status: "granted", taken: [...before, ...taken].map(endOf) }, write: [...taken, renewed] };
}

/**
 * Whether an isolate may still believe in the lease of a session that a takeover ended. It is named again to each start until
 * then: the worker that was to tell the revocation log may have failed, and the viewer tries again.
 */
function isBelieved({ ended, leaseUntil }: LeaseRow, now: UnixSeconds): boolean {
  return ended === "taken" && leaseUntil > now;
}

function isNews(known: LeaseRow, claim: LeaseClaim, { writeInterval }: LeaseTimes): boolean {
  const { now, expiresAt, limit, login, network } = claim;
  const due = after(known.seenAt, writeInterval) <= now || trustedIn(known.networks, network) !== known.networks;
  return due || limit !== known.limit || login !== known.login || expiresAt > after(known.expiresAt, unwrittenEnd);
}

/** What a touch comes to, its `network` being a hash already, the session's row after it, and whether that has to be written down at once. */
export function decideTouch(
  rows: Rows,
  touch: LeaseTouch,
  times: LeaseTimes,
): { readonly answer: TouchAnswer; readonly row: LeaseRow | undefined; readonly write: boolean } {
  const { sessionId, now } = touch;
  const known = rows.get(sessionId);
  if (known?.ended !== undefined) {
    const row = lasting(known, touch.expiresAt);
    return { answer: { status: "ended", cause: known.ended, stream: undefined }, row, write: row !== known };
  }
  const lapsed = known === undefined || !holds(known, now);
  if (known !== undefined && lapsed && isFull(rows, known.limit, now))
    return { answer: { status: "limited" }, row: undefined, write: false };
  const before = known ?? takenIn(touch);
  const place = decideNetwork(before.networks, touch, times.leaseTtl);
  // Nothing is written or extended for a network that is refused.
  if (place.status === "elsewhere") return { answer: { status: "elsewhere" }, row: undefined, write: false };
  const seen = { ...lasting(before, touch.expiresAt), networks: place.networks };
  if (place.status === "shared") {
    const row = { ...seen, seenAt: later(before.seenAt, now), ended: "shared" as const };
    return { answer: { status: "ended", cause: "shared", stream: endOf(row) }, row, write: true };
  }
  const write =
    lapsed || place.isNews || seen.expiresAt > before.expiresAt || after(before.seenAt, times.writeInterval) <= now;
  const row = write ? extended(seen, now, times) : seen;
  return { answer: { status: "granted", until: row.leaseUntil }, row, write };
}

/** Two accounts of one session as one: what either of them remembers counts, but of networks what `a` does. */
export function merged(a: LeaseRow, b: LeaseRow): LeaseRow {
  return {
    sessionId: a.sessionId,
    assetId: a.assetId === "" ? b.assetId : a.assetId,
    login: a.login ?? b.login,
    startedAt: earlier(a.startedAt, b.startedAt),
    seenAt: later(a.seenAt, b.seenAt),
    expiresAt: later(a.expiresAt, b.expiresAt),
    leaseUntil: later(a.leaseUntil, b.leaseUntil),
    limit: a.limit ?? b.limit,
    ended: a.ended ?? b.ended,
    networks: a.networks,
  };
}

/** The row with the latest end of any grant that was seen of it; the same row where that is no later. */
export function lasting(row: LeaseRow, expiresAt: UnixSeconds): LeaseRow {
  return expiresAt > row.expiresAt ? { ...row, expiresAt } : row;
}

export function endOf({ sessionId, leaseUntil }: LeaseRow): EndedStream {
  return { sessionId, leaseUntil };
}

/**
 * When a row may go whose last grant expires at `end`. Until then it refuses a session that was ended, since the revocation log
 * forgets that after a lease. A renewal that is not written down may have moved the end, and the edge's clock may be behind.
 */
export function removalOf(end: UnixSeconds, { leaseTtl }: LeaseTimes): UnixSeconds {
  return after(end, seconds(leaseTtl + unwrittenEnd + clockSkew));
}

export function stateOf(row: LeaseRow, now: UnixSeconds, { leaseTtl }: LeaseTimes): StreamState {
  const { assetId, startedAt, seenAt, expiresAt, leaseUntil, ended } = row;
  const networks = row.networks.filter((network) => isAlive(network, now, leaseTtl)).length;
  return { assetId, startedAt, seenAt, expiresAt, leaseUntil, networks, ended };
}

/** The running sessions, oldest first. */
export function toldOfRunning(rows: Rows, now: UnixSeconds): readonly RunningStream[] {
  return runningIn(rows, now).map(toldOf);
}

/** The sessions that run, oldest first; of two that began within a second, the one that came first. */
function runningIn(rows: Rows, now: UnixSeconds): LeaseRow[] {
  return [...rows.values()].filter((row) => holds(row, now)).sort((a, b) => a.startedAt - b.startedAt);
}

function isFull(rows: Rows, limit: number | undefined, now: UnixSeconds): boolean {
  return limit !== undefined && runningIn(rows, now).length >= limit;
}

function claimed(known: LeaseRow | undefined, claim: LeaseClaim, times: LeaseTimes): LeaseRow {
  const { sessionId, assetId, login, now, expiresAt, limit, network } = claim;
  const fresh: LeaseRow = {
    sessionId,
    assetId,
    login,
    startedAt: now,
    seenAt: now,
    expiresAt,
    leaseUntil: now,
    limit,
    ended: undefined,
    networks: [],
  };
  const before = lasting(known ?? fresh, expiresAt);
  return extended({ ...before, limit, login, networks: trustedIn(before.networks, network) }, now, times);
}

/** A session that nobody knows: its row was lost, or it began while the store was down. Nobody knows its limit either. */
function takenIn({ sessionId, assetId, login, issuedAt, expiresAt }: LeaseTouch): LeaseRow {
  return {
    sessionId,
    assetId,
    login,
    startedAt: issuedAt,
    seenAt: issuedAt,
    expiresAt,
    leaseUntil: issuedAt,
    limit: undefined,
    ended: undefined,
    networks: [],
  };
}

/** Times never go back, so that a slow request shortens nothing. No lease outlives the last grant. */
function extended(row: LeaseRow, now: UnixSeconds, { leaseTtl }: LeaseTimes): LeaseRow {
  const leaseUntil = later(row.leaseUntil, earlier(after(now, leaseTtl), row.expiresAt));
  return { ...row, seenAt: later(row.seenAt, now), leaseUntil };
}

function toldOf({ sessionId, assetId, login, startedAt, seenAt }: LeaseRow): RunningStream {
  return { sessionId, assetId, login, startedAt, seenAt };
}
