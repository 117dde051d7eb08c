import type { MacPort, RandomBytes } from "../base/crypto.ts";
import { decodeBase64url, encodeBase64url } from "../base/encoding.ts";
import { after, earlier, later, type Seconds, seconds, type UnixSeconds, unixSeconds } from "../base/time.ts";
import type {
  ClaimDecision,
  EndedStream,
  LeaseClaim,
  LeaseTouch,
  RunningStream,
  StreamState,
  TouchAnswer,
} from "./lease.ts";
import type { LeaseRow, LeaseRows, NetworkSeen } from "./lease-rows.ts";
import { clockSkew } from "./revocation.ts";

export interface LeaseTimes {
  /** How long a lease lasts after the session was last seen. */
  readonly leaseTtl: Seconds;
  /** Minimum time between two routine writes of a row. */
  readonly writeInterval: Seconds;
}

/** The times of leases that last this long. With rarer writes a lease would lapse between two of them. */
export function leaseTimes(leaseTtl: Seconds): LeaseTimes {
  return { leaseTtl, writeInterval: seconds(Math.min(30, Math.floor(leaseTtl / 3))) };
}

type Rows = ReadonlyMap<string, LeaseRow>;

/** A renewal that moves a session's expiry by more than this is stored at once. */
const unwrittenEnd = seconds(60);

export function holds(row: LeaseRow, now: UnixSeconds): boolean {
  return row.ended === undefined && row.leaseUntil > now;
}

/**
 * Decides a claim, whose `network` is a hash. `write` are the rows to store, also those of other sessions; `remember`
 * is the session's row if it stays in memory only, since a renewal soon after another changes little.
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
 * Whether an isolate may still remember the lease of a session that a takeover ended. Until then each start reports the
 * session again: the worker that should have added it to the revocation log may have failed.
 */
function isBelieved({ ended, leaseUntil }: LeaseRow, now: UnixSeconds): boolean {
  return ended === "taken" && leaseUntil > now;
}

function isNews(known: LeaseRow, claim: LeaseClaim, { writeInterval }: LeaseTimes): boolean {
  const { now, expiresAt, limit, login, network } = claim;
  const due = after(known.seenAt, writeInterval) <= now || trustedIn(known.networks, network) !== known.networks;
  return due || limit !== known.limit || login !== known.login || expiresAt > after(known.expiresAt, unwrittenEnd);
}

/**
 * Decides a touch, whose `network` is a hash. Returns the session's row after it, and whether to store that at once.
 */
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
  // A refused network changes and extends nothing.
  if (place.status === "elsewhere") return { answer: { status: "elsewhere" }, row: undefined, write: false };
  const seen = { ...lasting(before, touch.expiresAt), networks: place.networks };
  if (place.status === "shared") {
    const row = { ...seen, seenAt: later(before.seenAt, now), ended: "shared" as const };
    return { answer: { status: "ended", cause: "shared", stream: endOf(row) }, row, write: true };
  }
  const write =
    lapsed || place.isNews || seen.expiresAt > before.expiresAt || after(before.seenAt, times.writeInterval) <= now;
  const row = write ? extended(seen, now, times) : seen;
  return { answer: { status: "granted", until: row.leaseUntil, startedBy: row.startedBy }, row, write };
}

/** Merges two rows of one session, with the networks of `a`. */
export function merged(a: LeaseRow, b: LeaseRow): LeaseRow {
  return {
    sessionId: a.sessionId,
    assetId: a.assetId === "" ? b.assetId : a.assetId,
    login: a.login ?? b.login,
    startedBy: a.startedBy ?? b.startedBy,
    startedAt: earlier(a.startedAt, b.startedAt),
    seenAt: later(a.seenAt, b.seenAt),
    expiresAt: later(a.expiresAt, b.expiresAt),
    leaseUntil: later(a.leaseUntil, b.leaseUntil),
    limit: a.limit ?? b.limit,
    ended: a.ended ?? b.ended,
    networks: a.networks,
  };
}

/** The row with this grant's expiry; the same row if its own expiry is not earlier. */
export function lasting(row: LeaseRow, expiresAt: UnixSeconds): LeaseRow {
  return expiresAt > row.expiresAt ? { ...row, expiresAt } : row;
}

export function endOf({ sessionId, leaseUntil, expiresAt }: LeaseRow): EndedStream {
  return { sessionId, leaseUntil, expiresAt };
}

/**
 * When a row may be removed whose last grant expires at `end`. Until then it refuses an ended session, which the
 * revocation log forgets after a lease. The margins allow for an expiry that a renewal moved without a write, and for a
 * slow clock at the edge.
 */
export function removalOf(end: UnixSeconds, { leaseTtl }: LeaseTimes): UnixSeconds {
  return after(end, seconds(leaseTtl + unwrittenEnd + clockSkew));
}

export function stateOf(row: LeaseRow, now: UnixSeconds, { leaseTtl }: LeaseTimes): StreamState {
  const { assetId, startedAt, seenAt, expiresAt, leaseUntil, login, startedBy, ended } = row;
  const networks = row.networks.filter((network) => isAlive(network, now, leaseTtl)).length;
  return { assetId, startedAt, seenAt, expiresAt, leaseUntil, networks, login, startedBy, ended };
}

/** The running sessions, oldest first. */
export function toldOfRunning(rows: Rows, now: UnixSeconds): readonly RunningStream[] {
  return runningIn(rows, now).map(toldOf);
}

/** The running sessions, oldest first; of two from the same second, in the order of their first write. */
function runningIn(rows: Rows, now: UnixSeconds): LeaseRow[] {
  return [...rows.values()].filter((row) => holds(row, now)).sort((a, b) => a.startedAt - b.startedAt);
}

function isFull(rows: Rows, limit: number | undefined, now: UnixSeconds): boolean {
  return limit !== undefined && runningIn(rows, now).length >= limit;
}

function claimed(known: LeaseRow | undefined, claim: LeaseClaim, times: LeaseTimes): LeaseRow {
  const { sessionId, assetId, login, startedBy, now, expiresAt, limit, network } = claim;
  const fresh: LeaseRow = {
    sessionId,
    assetId,
    login,
    startedBy,
    startedAt: now,
    seenAt: now,
    expiresAt,
    leaseUntil: now,
    limit,
    ended: undefined,
    networks: [],
  };
  const before = lasting(known ?? fresh, expiresAt);
  const changed = { limit, login, startedBy: before.startedBy ?? startedBy };
  return extended({ ...before, ...changed, networks: trustedIn(before.networks, network) }, now, times);
}

/** A row for an unknown session: its row was lost, or it started while the store was down. Its limit is unknown too. */
function takenIn({ sessionId, assetId, login, startedBy, issuedAt, expiresAt }: LeaseTouch): LeaseRow {
  return {
    sessionId,
    assetId,
    login,
    startedBy,
    startedAt: issuedAt,
    seenAt: issuedAt,
    expiresAt,
    leaseUntil: issuedAt,
    limit: undefined,
    ended: undefined,
    networks: [],
  };
}

/** Times never go back, so that a delayed request shortens nothing. No lease outlives the last grant. */
function extended(row: LeaseRow, now: UnixSeconds, { leaseTtl }: LeaseTimes): LeaseRow {
  const leaseUntil = later(row.leaseUntil, earlier(after(now, leaseTtl), row.expiresAt));
  return { ...row, seenAt: later(row.seenAt, now), leaseUntil };
}

function toldOf({ sessionId, assetId, login, startedBy, startedAt, seenAt }: LeaseRow): RunningStream {
  return { sessionId, assetId, login, startedBy, startedAt, seenAt };
}

/** Maximum number of stored networks per session without a limit, and of silent trusted networks. */
const networksKept = 16;

/** A request of a session; `network` is a hash. */
interface NetworkAsking {
  readonly network: string | undefined;
  /** Whether the client loaded a playlist in this network. */
  readonly playlist: boolean;
  readonly mostNetworks: number | undefined;
  readonly now: UnixSeconds;
  /** Another network in which the session was admitted before. */
  readonly first?: { readonly network: string | undefined; readonly playlist: boolean } | undefined;
}

/** The decision about a request from a network, and the session's networks after it. */
type NetworkDecision =
  | { readonly status: "admitted"; readonly networks: readonly NetworkSeen[]; readonly isNews: boolean }
  /** The session is at its network limit. */
  | { readonly status: "elsewhere" }
  /** Too many networks have loaded playlists. */
  | { readonly status: "shared"; readonly networks: readonly NetworkSeen[] };

/**
 * Whether a session may be alive in one more network. Only networks that were seen within a lease count.
 *
 * An attacker with one segment URL (from a log, a screenshot, a proxy) can request it from anywhere, so segment
 * requests never end a session: beyond the limit they are refused, and the session continues in its networks. A
 * playlist URL is worth more. A network that loaded one is trusted and replaces an untrusted one. If more networks than
 * the limit have loaded playlists, the manifest URL was shared and the session ends. A silent network stays trusted, so
 * that a viewer can resume a paused film: VOD players load no playlist after the first.
 */
function decideNetwork(known: readonly NetworkSeen[], asking: NetworkAsking, leaseTtl: Seconds): NetworkDecision {
  if (asking.first === undefined) return decideOne(known, asking, leaseTtl);
  const first = decideOne(known, { ...asking, ...asking.first }, leaseTtl);
  if (first.status === "shared") return first;
  if (first.status === "elsewhere") return decideOne(known, asking, leaseTtl);
  const own = decideOne(first.networks, asking, leaseTtl);
  return own.status === "admitted" ? { ...own, isNews: own.isNews || first.isNews } : own;
}

function decideOne(
  known: readonly NetworkSeen[],
  { network, playlist, mostNetworks, now }: NetworkAsking,
  leaseTtl: Seconds,
): NetworkDecision {
  if (network === undefined) return { status: "admitted", networks: known, isNews: false };
  const before = known.find((seen) => seen.network === network);
  const others = known.filter((seen) => seen !== before);
  const alive = others.filter((seen) => isAlive(seen, now, leaseTtl));
  const silent = others.filter((seen) => seen.trusted && !alive.includes(seen)).slice(-networksKept);
  const own = { network, seenAt: now, trusted: playlist || before?.trusted === true };
  if (mostNetworks === undefined)
    return { status: "admitted", networks: [...silent, ...alive.slice(-networksKept), own], isNews: false };
  if (!own.trusted && alive.length >= mostNetworks) return { status: "elsewhere" };
  const trusted = alive.filter((seen) => seen.trusted);
  const strangers = alive.filter((seen) => !seen.trusted);
  const room = mostNetworks - trusted.length - 1;
  if (own.trusted && room < 0) return { status: "shared", networks: [...silent, ...alive, own] };
  const staying = new Set(strangers.slice(Math.max(strangers.length - room, 0)));
  const networks = [...silent, ...alive.filter((seen) => seen.trusted || staying.has(seen)), own];
  const wasAlive = before !== undefined && isAlive(before, now, leaseTtl);
  return { status: "admitted", networks, isNews: !wasAlive || own.trusted !== before.trusted };
}

/** The networks after a start or renewal in `network`: a client with a bearer token makes it trusted. */
function trustedIn(known: readonly NetworkSeen[], network: string | undefined): readonly NetworkSeen[] {
  if (network === undefined) return known;
  const before = known.find((seen) => seen.network === network);
  if (before?.trusted === true) return known;
  if (before !== undefined) return known.map((seen) => (seen === before ? { ...seen, trusted: true } : seen));
  return [...known.slice(1 - 2 * networksKept), { network, seenAt: unixSeconds(0), trusted: true }];
}

/** Whether a session is alive in a network: it was seen there within a lease. */
function isAlive({ seenAt }: NetworkSeen, now: UnixSeconds, leaseTtl: Seconds): boolean {
  return after(seenAt, leaseTtl) > now;
}

/** The functions that {@link networkHash} needs. */
export interface NetworkSecrets {
  readonly hmac: MacPort;
  readonly random: RandomBytes;
}

/**
 * The hash of a network in one subject's rows: 132 bits of HMAC-SHA256 in base64url. Its key is stored with these rows
 * and belongs to them alone. A session key would not do: after a rotation one network would have two hashes, and the
 * session would look shared.
 */
export function networkHash(
  store: Pick<LeaseRows, "networkKey" | "putNetworkKey">,
  { hmac, random }: NetworkSecrets,
): (network: string) => string {
  const keyOf = () => {
    const kept = store.networkKey();
    if (kept !== undefined) return decodeBase64url(kept);
    const made = random(32);
    store.putNetworkKey(encodeBase64url(made));
    return made;
  };
  const prepare = () => {
    const key = keyOf();
    if (key === undefined) throw new TypeError("the key of a subject's networks is no base64url");
    return hmac(key);
  };
  let mac: ReturnType<MacPort> | undefined;
  return (network) => {
    mac ??= prepare();
    return mac.base64url(network).slice(0, 22);
  };
}
