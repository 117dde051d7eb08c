import type { QuotaStatus, RatePolicy } from "../auth/rate-limit.ts";
import { after, later, type UnixSeconds } from "../base/time.ts";
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
import { type NetworkSecrets, networkHash } from "./lease-networks.ts";
import { LeaseQuotas, type LeaseRow, type LeaseRows, type Marker, type QuotaUsed, unseen } from "./lease-rows.ts";
import {
  decideClaim,
  decideTouch,
  endOf,
  holds,
  type LeaseTimes,
  lasting,
  merged,
  removalOf,
  stateOf,
  toldOfRunning,
} from "./lease-rules.ts";
import { claimBudget, waitAfterMany } from "./lease-throttle.ts";

/**
 * The rows that a subject's older name hands over to the newer one, and until when it forwards requests there. The rows come
 * without their networks: the newer name has another key for those, and would count each twice.
 */
export interface HandedOver {
  readonly rows: readonly LeaseRow[];
  /** What is known of the subject's logins. */
  readonly logins: readonly Marker[];
  readonly quotas: readonly QuotaUsed[];
  readonly until: UnixSeconds;
}

/**
 * From how many rows on a new one takes the place of one that nothing depends on: a session that is silent and has no
 * limit is the same forgotten as remembered, for it is taken in when it comes back.
 */
const manyRows = 1000;

/** How many logins that were signed out of are remembered. */
const mostLogins = 1000;

/**
 * All streams of one subject. Synchronous from reading to writing, so that no start comes between the two, however many
 * come at once. What it answers is what is written down: after a crash it answers the same, except networks seen within
 * the last `writeInterval`, and for ends of grants that a renewal within it moved by less than a minute.
 */
export class LeaseStore {
  readonly #store: LeaseRows;
  readonly #times: LeaseTimes;
  readonly #rows = new Map<string, LeaseRow>();
  readonly #markers = new Map<string, Marker>();
  readonly #budget = claimBudget();
  readonly #hash: (network: string) => string;
  readonly #quotas: LeaseQuotas;
  #nextRemoval: UnixSeconds | undefined;

  constructor(store: LeaseRows, times: LeaseTimes, secrets: NetworkSecrets) {
    this.#store = store;
    this.#times = times;
    this.#hash = networkHash(store, secrets);
    this.#quotas = new LeaseQuotas(store);
    for (const row of store.all()) this.#keep(row);
    for (const marker of store.markers()) this.#keepMarker(marker);
  }

  /**
   * Counts a claim by its quota, and decides it: see {@link decideClaim}; `hasty` for one too many: see {@link claimBudget}
   * and {@link waitAfterMany}.
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
    if (this.#isSignedOut(claim.login)) return { status: "signed_out" };
    this.#rememberShared(claim);
    const { answer, write, remember } = decideClaim(this.#rows, this.#hashed(claim), this.#times);
    for (const row of write) this.#write(row, claim.now);
    if (remember !== undefined) this.#rows.set(remember.sessionId, remember);
    return answer;
  }

  /** See {@link decideTouch}. */
  touch(touch: LeaseTouch): TouchAnswer {
    if (this.#isSignedOut(touch.login)) return { status: "ended", cause: "revoked", stream: undefined };
    const first = touch.first && this.#hashed(touch.first);
    const { answer, row, write } = decideTouch(this.#rows, { ...this.#hashed(touch), first }, this.#times);
    if (row !== undefined && write) this.#write(row, touch.now);
    else if (row !== undefined) this.#rows.set(row.sessionId, row);
    return answer;
  }

  /** Ends a session for good, whether it is known or not. The first cause and the latest expiry of a grant are kept. */
  end({ sessionId, expiresAt, cause, now }: StreamEnding): EndedStream {
    const known = this.#rows.get(sessionId);
    // The edge may have admitted a session of which nothing is known here, and remember it for a lease.
    const before = known ?? unseen(sessionId, expiresAt, after(now, this.#times.leaseTtl));
    const row = { ...lasting(before, expiresAt), ended: known?.ended ?? cause };
    if (known?.ended === undefined || row.expiresAt > known.expiresAt) this.#write(row);
    return endOf(row);
  }

  /** Ends the sessions of a login. A claim or grant of it that comes later is refused too, whether its session is known or not. */
  endLogin({ login, now, until }: LoginEnding): LoginEnded {
    const out = [...this.#markers.values()].filter(({ kind }) => kind === "signed_out");
    // The first of them: its tokens have expired, and the rows of its sessions say that they have ended.
    if (out.length >= mostLogins && out[0] !== undefined) this.#eraseMarker(out[0]);
    this.#writeMarker({ kind: "signed_out", name: login, until });
    this.#endSignedOut();
    const complete = !this.#markers.has(markerKey("shared_login", login));
    return { leaseUntil: after(now, this.#times.leaseTtl), complete };
  }

  #isSignedOut(login: string | undefined): boolean {
    return login !== undefined && this.#markers.has(markerKey("signed_out", login));
  }

  #endSignedOut(): void {
    for (const row of [...this.#rows.values()])
      if (row.ended === undefined && this.#isSignedOut(row.login)) this.#write({ ...row, ended: "revoked" });
  }

  /** A row names the login of the last claim alone. */
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

  /** The name under which the subject's streams are now, where they are here no more. */
  successor(): string | undefined {
    for (const marker of this.#markers.values()) if (marker.kind === "moved_to") return marker.name;
    return undefined;
  }

  /** Says that what was sent on concerns grants until then: the sending on lasts as long. */
  forwardedUntil(until: UnixSeconds): void {
    for (const marker of this.#markers.values())
      if (marker.kind === "moved_to" && until > marker.until) this.#writeMarker({ ...marker, until });
  }

  /**
   * Gives all rows to the subject's newer name, and makes that the {@link successor} for as long as any grant of theirs holds,
   * at least until then. The rows stay here too, so that the same can be asked again by one who lost the answer.
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

  /** Whether all that was under an older name is here already. */
  tookFrom(name: string): boolean {
    return this.#markers.has(markerKey("moved_from", name));
  }

  /** Takes what an older name gave. What both know of a session is put together, so that twice does no harm. */
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

  /** When {@link prune} has something to remove, or undefined where nothing is kept. */
  get nextRemoval(): UnixSeconds | undefined {
    return this.#nextRemoval;
  }

  /** Removes what is over: see {@link removalOf}. */
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

  #hashed<Asked extends { readonly network: string | undefined }>(asked: Asked): Asked {
    return asked.network === undefined ? asked : { ...asked, network: this.#hash(asked.network) };
  }

  /** The store first: what cannot be written down is not answered either. */
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
