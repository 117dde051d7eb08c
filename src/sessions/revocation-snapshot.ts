import type { Place } from "../base/place.ts";
import { type Refusal, type Refused, refusal } from "../base/result.ts";
import type { UnixSeconds } from "../base/time.ts";
import type { PlaceRule } from "../catalog/places.ts";
import { type Blackout, blackedOut, blackoutOf, ruleOfPlace } from "./blackout.ts";
import {
  type Revocable,
  type Revocation,
  type RevocationCause,
  type RevocationDelta,
  type RevocationKind,
  signOutsLeftOut,
} from "./revocation.ts";

/** The known revocations. */
export interface RevocationSnapshot {
  readonly size: number;
  /** Grants from before this time are refused: the store lost the entries about them. */
  readonly notBefore: UnixSeconds | undefined;
  readonly entries: Readonly<Record<RevocationKind, ReadonlyMap<string, Revocation>>>;
  /** The blackouts of each asset that has one, by the text of their places. */
  readonly blackouts: ReadonlyMap<string, ReadonlyMap<string, HeldBlackout>>;
}

interface HeldBlackout {
  /** Undefined for a place of a later release. */
  readonly rule: PlaceRule | undefined;
  readonly until: UnixSeconds;
}

/**
 * Why an asset may not be played in a place: it is blacked out there. `place` is a function, because most assets are
 * nowhere blacked out.
 */
export function blackoutIn(
  { blackouts }: RevocationSnapshot,
  assetId: string,
  place: () => Place,
): Refusal<"place_not_allowed"> | undefined {
  const rules = blackouts.size === 0 ? undefined : blackouts.get(assetId);
  return rules === undefined ? undefined : blackedOut(rules, place());
}

/** The identifiers of a credential that a revocation may name. */
export interface CredentialIdentifiers {
  /** The `subjectDigest`. */
  readonly subject: string;
  /** The `tokenDigest` of the bearer token, if it has a `jti`. */
  readonly token: string | undefined;
  /** The `loginDigest` of the credential's login, if it names one. */
  readonly login: string | undefined;
  /** The bearer token's `iat`. */
  readonly issuedAt: UnixSeconds | undefined;
}

/**
 * The entry that forbids a session to continue, or undefined. Entries of its session, asset, token, login or key apply
 * whenever the session began, since a leaked key can sign any `iat`. An entry of its subject applies only to grants
 * issued at `at` or before.
 */
export function forbiddenBy(
  { size, entries, notBefore }: RevocationSnapshot,
  session: Revocable,
  assetId: string,
): Revocation | undefined {
  if (notBefore !== undefined && session.issuedAt < notBefore) {
    const { sessionId: value, issuedAt: until } = session;
    return { kind: "session", value, cause: "revoked", at: notBefore, until };
  }
  if (size === 0) return undefined;
  return (
    entries.session.get(session.sessionId) ??
    upTo(entries.subject.get(session.subject), session.issuedAt) ??
    entries.asset.get(assetId) ??
    (session.token === undefined ? undefined : entries.token.get(session.token)) ??
    (session.login === undefined ? undefined : entries.login.get(session.login)) ??
    entries.key.get(session.kid) ??
    (session.signer === undefined ? undefined : entries.key.get(session.signer))
  );
}

/**
 * The entry that forbids a bearer token to start any stream, or undefined. An entry of its subject applies to tokens
 * issued at `at` or before, and to tokens without an `iat`: otherwise a removed viewer could return with a token that
 * they still have.
 */
export function forbidsCredential(
  { size, entries }: RevocationSnapshot,
  { subject, token, login, issuedAt }: CredentialIdentifiers,
): Revocation | undefined {
  if (size === 0) return undefined;
  const bySubject = entries.subject.get(subject);
  return (
    (token === undefined ? undefined : entries.token.get(token)) ??
    (login === undefined ? undefined : entries.login.get(login)) ??
    (issuedAt === undefined ? bySubject : upTo(bySubject, issuedAt))
  );
}

/** Whether a full log left a sign-out out, so that the objects of viewers have to be asked: see {@link signOutLeftOut}. */
export function leavesSignOutsOut({ size, entries }: RevocationSnapshot): boolean {
  return size > 0 && entries.subject.has(signOutsLeftOut);
}

/** Whether this key is revoked: it must not sign, and its signatures are invalid. */
export function isKeyRevoked({ size, entries }: RevocationSnapshot, kid: string): boolean {
  return size > 0 && entries.key.has(kid);
}

function upTo(entry: Revocation | undefined, issuedAt: UnixSeconds): Revocation | undefined {
  return entry !== undefined && issuedAt <= entry.at ? entry : undefined;
}

/**
 * A snapshot that applies the log's deltas in place: with a hundred thousand entries, a copy per second costs more than
 * all look-ups.
 */
export class HeldRevocations implements RevocationSnapshot {
  readonly entries = {
    session: new Map<string, Revocation>(),
    subject: new Map<string, Revocation>(),
    asset: new Map<string, Revocation>(),
    token: new Map<string, Revocation>(),
    login: new Map<string, Revocation>(),
    key: new Map<string, Revocation>(),
  };
  readonly blackouts = new Map<string, Map<string, HeldBlackout>>();
  #size = 0;
  #cursor = 0;
  #notBefore: UnixSeconds | undefined;
  /** No entry expires before this time. */
  #nextEnd = Number.POSITIVE_INFINITY;

  get size(): number {
    return this.#size;
  }

  get notBefore(): UnixSeconds | undefined {
    return this.#notBefore;
  }

  /** The cursor of the next request to the log; 0 before the first delta. */
  get cursor(): number {
    return this.#cursor;
  }

  /** Adds a delta's entries, removes the lifted ones, and drops entries that have expired by its `asOf`. */
  apply({ entries, cursor, asOf, notBefore }: RevocationDelta): void {
    this.#notBefore = notBefore;
    const now = Math.floor(asOf / 1000);
    for (const entry of entries) {
      const blackout = blackoutOf(entry);
      if (blackout !== undefined) this.#setBlackout(blackout, entry.until, now);
      else if (entry.until <= now) this.entries[entry.kind].delete(entry.value);
      else {
        this.entries[entry.kind].set(entry.value, entry);
        this.#nextEnd = Math.min(this.#nextEnd, entry.until);
      }
    }
    if (now >= this.#nextEnd) this.#dropEnded(now);
    this.#cursor = cursor;
    this.#size = 0;
    for (const ofKind of Object.values(this.entries)) this.#size += ofKind.size;
    for (const ofAsset of this.blackouts.values()) this.#size += ofAsset.size;
  }

  #setBlackout({ asset, place }: Blackout, until: UnixSeconds, now: number): void {
    const ofAsset = this.blackouts.get(asset) ?? new Map<string, HeldBlackout>();
    if (until <= now) ofAsset.delete(place);
    else {
      ofAsset.set(place, { rule: ruleOfPlace(place), until });
      this.#nextEnd = Math.min(this.#nextEnd, until);
    }
    if (ofAsset.size === 0) this.blackouts.delete(asset);
    else this.blackouts.set(asset, ofAsset);
  }

  #dropEnded(now: number): void {
    this.#nextEnd = Number.POSITIVE_INFINITY;
    for (const held of [...Object.values(this.entries), ...this.blackouts.values()]) {
      for (const [value, { until }] of held) {
        if (until <= now) held.delete(value);
        else this.#nextEnd = Math.min(this.#nextEnd, until);
      }
    }
    for (const [asset, ofAsset] of this.blackouts) if (ofAsset.size === 0) this.blackouts.delete(asset);
  }
}

/** Why a session was ended early. */
export type EndedRefusal = Refusal<"session_revoked" | "stream_taken" | "session_shared">;

export function isEndedRefusal(refusal: Refusal): refusal is EndedRefusal {
  const { code } = refusal;
  return code === "session_revoked" || code === "stream_taken" || code === "session_shared";
}

const endedRefusals = {
  revoked: refusal("session_revoked", "the session, its viewer, login, asset, token or key was revoked"),
  taken: refusal("stream_taken", "another device took the session's place"),
  shared: refusal("session_shared", "the session was alive in more networks at once than one viewer is in"),
} as const satisfies Record<RevocationCause, Refused<EndedRefusal>>;

/** The refusal for a session that was ended early. */
export function endedBecause<Cause extends RevocationCause>(cause: Cause): (typeof endedRefusals)[Cause] {
  return endedRefusals[cause];
}
