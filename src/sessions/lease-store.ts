import type { QuotaStatus, RatePolicy } from "../auth/rate-limit.ts";
import { after, later, type UnixSeconds, unixSeconds } from "../base/time.ts";
import type {
  ClaimAnswer,
  ClaimDecision,
  EndedStream,
  LeaseClaim,
  LeaseTouch,
  LoginEnded,
  LoginEnding,
  RunningStream,
  StreamEnding,
  StreamState,
  TouchAnswer,
} from "./lease.ts";
import { LeaseQuotas, type LeaseRow, type LeaseRows, type Marker, type QuotaUsed, unseen } from "./lease-rows.ts";
import {
  decideClaim,
  decideTouch,
  endOf,
  holds,
  type LeaseTimes,
  lasting,
  merged,
  type NetworkSecrets,
  networkHash,
  removalOf,
  stateOf,
  toldOfRunning,
} from "./lease-rules.ts";
import { type ClaimBudget, claimBudget, waitAfterMany } from "./lease-throttle.ts";

/**
 * The rows that a subject's older name hands over to the newer one, and how long it forwards requests there. The rows
 * have no networks: the newer name hashes them with another key, and would count each network twice.
 */
export interface HandedOver {
  readonly rows: readonly LeaseRow[];
  readonly logins: readonly Marker[];
  readonly quotas: readonly QuotaUsed[];
  readonly until: UnixSeconds;
}

/**
 * From this many rows on, a new row replaces one that can be forgotten: a silent session without a limit gets a new row
 * when it comes back.
 */
const manyRows = 1000;

/** Maximum number of remembered sign-outs. */
const mostLogins = 1000;

/**
 * All streams of one subject. Reads and writes are synchronous, so concurrent starts cannot exceed the limit. Every
 * answer is stored first and survives a crash, except for two details of the last `writeInterval`: networks seen, and
 * grant expiries that a renewal moved by less than a minute.
 */
export class LeaseStore {
  readonly #store: LeaseRows;
  readonly #times: LeaseTimes;
  readonly #rows = new Map<string, LeaseRow>();
  readonly #markers = new Map<string, Marker>();
  readonly #budget: ClaimBudget;
  readonly #hash: (network: string) => string;
  readonly #quotas: LeaseQuotas;
  #nextRemoval: UnixSeconds | undefined;

  /** `budget` is for stores that are opened for every request; the others have one of their own. */
  constructor(store: LeaseRows, times: LeaseTimes, secrets: NetworkSecrets, budget: ClaimBudget = claimBudget()) {
    this.#store = store;
    this.#times = times;
    this.#budget = budget;
    this.#hash = networkHash(store, secrets);
    this.#quotas = new LeaseQuotas(store);
    for (const row of store.all()) this.#keep(row);
    for (const marker of store.markers()) this.#keepMarker(marker);
  }

  /**
   * Counts a claim and decides it: see {@link decideClaim}. For `throttled` see {@link claimBudget} and
   * {@link waitAfterMany}.
   */
  claim(claim: LeaseClaim): ClaimAnswer {
    if (claim.rate === undefined) return this.#decide(claim);
    const standing = this.take(claim.rate, claim.now);
    return standing.allowed ? { ...this.#decide(claim), standing } : { status: "quota_exceeded", standing };
  }

  /** See {@link LeaseQuotas.take}. */
  take(policy: RatePolicy, now: UnixSeconds): QuotaStatus {
    const standing = this.#quotas.take(policy, now);
    this.#remindOfQuotas();
    return standing;
  }

  #decide(claim: LeaseClaim): ClaimDecision {
    const isNew = !this.#rows.has(claim.sessionId);
    const retryAfter = this.#budget(claim.now) ?? (isNew ? waitAfterMany(this.#rows, claim.now) : undefined);
    if (retryAfter !== undefined) return { status: "throttled", retryAfter };
    if (this.isSignedOut(claim.login)) return { status: "signed_out" };
    this.#rememberShared(claim);
    const { answer, write, remember } = decideClaim(this.#rows, this.#hashed(claim), this.#times);
    for (const row of write) this.#write(row, claim.now);
    if (remember !== undefined) this.#rows.set(remember.sessionId, remember);
    return answer;
  }

  /** See {@link decideTouch}. */
  touch(touch: LeaseTouch): TouchAnswer {
    if (this.isSignedOut(touch.login)) return { status: "ended", cause: "revoked", stream: undefined };
    const first = touch.first && this.#hashed(touch.first);
    const { answer, row, write } = decideTouch(this.#rows, { ...this.#hashed(touch), first }, this.#times);
    if (row !== undefined && write) this.#write(row, touch.now);
    else if (row !== undefined) this.#rows.set(row.sessionId, row);
    return answer;
  }

  /** Ends a session for good, known or unknown. Its row keeps the first cause and the latest expiry. */
  end({ sessionId, expiresAt, cause, now }: StreamEnding): EndedStream {
    const known = this.#rows.get(sessionId);
    // The edge may have admitted an unknown session, and remembers it for one lease.
    const before = known ?? unseen(sessionId, expiresAt, after(now, this.#times.leaseTtl));
    const row = { ...lasting(before, expiresAt), ended: known?.ended ?? cause };
    if (known?.ended === undefined || row.expiresAt > known.expiresAt) this.#write(row);
    return endOf(row);
  }

  /** Ends the sessions of a login. Later claims and grants of this login are refused too. */
  endLogin({ login, now, until }: LoginEnding): LoginEnded {
    const out = [...this.#markers.values()].filter(({ kind }) => kind === "signed_out");
    // The oldest sign-out: its tokens have expired, and its sessions have ended rows.
    if (out.length >= mostLogins && out[0] !== undefined) this.#eraseMarker(out[0]);
    this.#writeMarker({ kind: "signed_out", name: login, until });
    this.#endSignedOut();
    const complete = !this.#markers.has(markerKey("shared_login", login));
    return { leaseUntil: after(now, this.#times.leaseTtl), complete };
  }

  /** Whether the viewer signed out of a login: {@link LeaseStore.endLogin}. */
  isSignedOut(login: string | undefined): boolean {
    return login !== undefined && this.#markers.has(markerKey("signed_out", login));
  }

  #endSignedOut(): void {
    for (const row of [...this.#rows.values()])
      if (row.ended === undefined && this.isSignedOut(row.login)) this.#write({ ...row, ended: "revoked" });
  }

  /** A row names only the login of the last claim, so the login before it needs a marker. */
  #rememberShared({ sessionId, login }: LeaseClaim): void {
    const known = this.#rows.get(sessionId);
    if (known?.login === undefined || known.login === login) return;
    this.#writeMarker({ kind: "shared_login", name: known.login, until: known.expiresAt });
  }

  show(sessionId: string, now: UnixSeconds): StreamState | undefined {
    const row = this.#rows.get(sessionId);
    return row === undefined ? undefined : stateOf(row, now, this.#times);
  }

  running(now: UnixSeconds): readonly RunningStream[] {
    return toldOfRunning(this.#rows, now);
  }

  /** The newer name that the subject's streams moved to; undefined if they are here. */
  successor(): string | undefined {
    for (const marker of this.#markers.values()) if (marker.kind === "moved_to") return marker.name;
    return undefined;
  }

  /** Ends the forwarding to the {@link successor}: the rows are still here. */
  stay(): void {
    for (const marker of [...this.#markers.values()]) if (marker.kind === "moved_to") this.#eraseMarker(marker);
  }

  /** Extends the forwarding to the expiry of a grant that was forwarded. */
  forwardedUntil(until: UnixSeconds): void {
    for (const marker of this.#markers.values())
      if (marker.kind === "moved_to" && until > marker.until) this.#writeMarker({ ...marker, until });
  }

  /**
   * Hands all rows to the subject's newer name, the {@link successor} until `until` or until the last grant expires.
   * The rows stay here as well, so that the newer name can retry if the response was lost.
   */
  handOver(to: string, until: UnixSeconds): HandedOver {
    const rows = [...this.#rows.values()];
    for (const { expiresAt } of rows) until = later(until, expiresAt);
    until = this.#quotas.lastEnd(until);
    for (const marker of this.#markers.values())
      if (marker.kind === "moved_to") {
        until = later(until, marker.until);
        if (marker.name !== to) this.#eraseMarker(marker);
      }
    this.#writeMarker({ kind: "moved_to", name: to, until });
    const logins = [...this.#markers.values()].filter(({ kind }) => kind === "signed_out" || kind === "shared_login");
    return { rows: rows.map((row) => ({ ...row, networks: [] })), logins, quotas: this.#quotas.all(), until };
  }

  /** Whether the streams of an older name have moved here. */
  tookFrom(name: string): boolean {
    return this.#markers.has(markerKey("moved_from", name));
  }

  /** Adds the rows of an older name. Rows of the same session are merged, so a retry is harmless. */
  takeOver(from: string, { rows, logins, quotas, until }: HandedOver): void {
    for (const login of logins) {
      const known = this.#markers.get(markerKey(login.kind, login.name));
      if (known === undefined || known.until < login.until) this.#writeMarker(login);
    }
    this.#quotas.takeOver(quotas);
    this.#remindOfQuotas();
    for (const row of rows) {
      const known = this.#rows.get(row.sessionId);
      this.#write(known === undefined ? row : merged(known, row));
    }
    this.#endSignedOut();
    this.#writeMarker({ kind: "moved_from", name: from, until });
  }

  /** When {@link prune} next removes something; undefined if nothing is stored. */
  get nextRemoval(): UnixSeconds | undefined {
    return this.#nextRemoval;
  }

  /** When everything that is stored may be removed; undefined if nothing is stored. */
  get lastRemoval(): UnixSeconds | undefined {
    const ends = [...this.#rows.values()].map(({ expiresAt }) => expiresAt);
    for (const { until } of this.#markers.values()) ends.push(until);
    const removals = ends.map((end) => removalOf(end, this.#times));
    const quotas = this.#quotas.all().length === 0 ? [] : [this.#quotas.lastEnd(unixSeconds(0))];
    const all = [...removals, ...quotas];
    return all.length === 0 ? undefined : all.reduce(later);
  }

  /** Removes expired rows, markers and quotas: see {@link removalOf}. */
  prune(now: UnixSeconds): void {
    if (this.#nextRemoval === undefined || now < this.#nextRemoval) return;
    this.#nextRemoval = undefined;
    for (const row of [...this.#rows.values()])
      if (removalOf(row.expiresAt, this.#times) <= now) this.#erase(row);
      else this.#keep(row);
    for (const marker of [...this.#markers.values()])
      if (removalOf(marker.until, this.#times) <= now) this.#eraseMarker(marker);
      else this.#keepMarker(marker);
    this.#quotas.prune(now);
    this.#remindOfQuotas();
  }

  #remindOfQuotas(): void {
    const end = this.#quotas.nextEnd;
    if (end !== undefined && (this.#nextRemoval === undefined || end < this.#nextRemoval)) this.#nextRemoval = end;
  }

  #remindOf(end: UnixSeconds): void {
    const removal = removalOf(end, this.#times);
    if (this.#nextRemoval === undefined || removal < this.#nextRemoval) this.#nextRemoval = removal;
  }

  #hashed<Input extends { readonly network: string | undefined }>(input: Input): Input {
    return input.network === undefined ? input : { ...input, network: this.#hash(input.network) };
  }

  /** Writes to the store first: if that throws, the memory must not know more than the store. */
  #write(row: LeaseRow, now?: UnixSeconds): void {
    if (now !== undefined && this.#rows.size >= manyRows && !this.#rows.has(row.sessionId)) this.#forgetOne(now);
    this.#store.put(row);
    this.#keep(row);
  }

  #keep(row: LeaseRow): void {
    this.#rows.set(row.sessionId, row);
    this.#remindOf(row.expiresAt);
  }

  #erase(row: LeaseRow): void {
    this.#store.remove(row.sessionId);
    this.#rows.delete(row.sessionId);
  }

  #forgetOne(now: UnixSeconds): void {
    for (const row of this.#rows.values()) {
      if (row.ended !== undefined || row.limit !== undefined || holds(row, now)) continue;
      this.#erase(row);
      return;
    }
  }

  #writeMarker(marker: Marker): void {
    this.#store.putMarker(marker);
    this.#keepMarker(marker);
  }

  #keepMarker(marker: Marker): void {
    this.#markers.set(markerKey(marker.kind, marker.name), marker);
    this.#remindOf(marker.until);
  }

  #eraseMarker(marker: Marker): void {
    this.#store.removeMarker(marker);
    this.#markers.delete(markerKey(marker.kind, marker.name));
  }
}

function markerKey(kind: Marker["kind"], name: string): string {
  return `${kind}:${name}`;
}
