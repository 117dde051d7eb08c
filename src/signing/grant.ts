import { encode } from "cborg";
import { decodeBase64url, encodeBase64url } from "../base/base64url.ts";
import { equalInConstantTime } from "../base/constant-time.ts";
import type { Mac } from "../base/hmac.ts";
import { type Refusal, refusal } from "../base/refusal.ts";
import { ok, type Result } from "../base/result.ts";
import { isUnixSeconds, type UnixSeconds } from "../base/seconds.ts";
import { stillTaken } from "../keys/ring.ts";
import { decodeStrictly, envelopeBytes, macBytes, openEnvelope } from "./cose-mac0.ts";
import type { PreparedSessionKey, SessionKeys } from "./session-keys.ts";

/**
 * A playback session: who may read which asset, until when. It is a Common Access Token (CTA-5007), a CWT (RFC 8392) in a
 * COSE_Mac0 (RFC 9052 §6.2) with HMAC-SHA256, and nothing is stored for it.
 */
export interface GrantClaims {
  readonly issuer: string;
  /** A keyed hash of the token's issuer and subject: no user id stands in a URL. */
  readonly subject: string;
  /** 16 random bytes in base64url; `cti` holds the bytes. */
  readonly sessionId: string;
  /** The asset's path prefix on the media host. It ends with a slash: a boundary, so that `/film` does not open `/film-2`. */
  readonly prefix: string;
  readonly issuedAt: UnixSeconds;
  readonly expiresAt: UnixSeconds;
}

/** A grant whose MAC held. */
export interface Grant extends GrantClaims {
  readonly kid: string;
  /** Its one spelling, as it stands in the path of every URL of the session. */
  readonly text: string;
}

const label = { iss: 1, sub: 2, exp: 4, iat: 6, cti: 7, catv: 310, catu: 312, catm: 313 } as const;
const uriPath = 3;
const prefixMatch = 1;
const longest = 1024;

/** The grant of `claims` in base64url, under `key`. The same claims under the same key give the same text. */
export function mintGrant(claims: GrantClaims, key: { readonly kid: string; readonly grant: Mac }): string {
  const id = decodeBase64url(claims.sessionId);
  if (id === undefined) throw new TypeError("a session id is canonical base64url");
  if (!claims.prefix.endsWith("/")) throw new TypeError("a grant's prefix ends with a slash");
  const payload = encode(
    new Map<number, unknown>([
      [label.iss, claims.issuer],
      [label.sub, claims.subject],
      [label.exp, claims.expiresAt],
      [label.iat, claims.issuedAt],
      [label.cti, id],
      [label.catv, 1],
      [label.catu, new Map([[uriPath, new Map([[prefixMatch, claims.prefix]])]])],
      [label.catm, ["GET", "HEAD"]],
    ]),
  );
  const message = macBytes(key.kid, payload);
  return encodeBase64url(envelopeBytes(key.kid, payload, key.grant(message)));
}

/**
 * Opens a grant: its MAC under the key that its protected kid names, then its claims. `grant_invalid` for anything that
 * is not a grant in its one spelling, `key_unknown` for a kid that the ring has not or that has ended. It does not look
 * at the grant's own end: that is for who knows what is asked for.
 */
export function openGrant(text: string, keys: SessionKeys, now: UnixSeconds): Result<Grant, Refusal> {
  if (text.length > longest) return refusal("grant_invalid", "the grant is longer than any that is given out");
  const bytes = decodeBase64url(text);
  const envelope = bytes === undefined ? undefined : openEnvelope(bytes);
  if (envelope === undefined) return refusal("grant_invalid", "the first path segment is not a grant");
  const key = keys.get(envelope.kid);
  if (key === undefined || !stillTaken(key, now))
    return refusal("key_unknown", "the grant names a key that the ring does not hold (any more)");
  if (!macHolds(key, envelope.kid, envelope.payload, envelope.tag))
    return refusal("grant_invalid", "the grant's MAC does not hold");
  const claims = readClaims(envelope.payload);
  if (claims === undefined)
    return refusal("grant_invalid", "the grant is authentic, but its claims are not understood");
  return ok({ ...claims, kid: envelope.kid, text });
}

/** The keyed hash that stands for a subject of an issuer in grants: 128 bits, base64url. */
export function subjectHash(key: PreparedSessionKey, issuer: string, subject: string): string {
  return encodeBase64url(key.subject(JSON.stringify([issuer, subject])).subarray(0, 16));
}

function macHolds(key: PreparedSessionKey, kid: string, payload: Uint8Array, tag: Uint8Array): boolean {
  return equalInConstantTime(encodeBase64url(key.grant(macBytes(kid, payload))), encodeBase64url(tag));
}

/** The claims of an authentic payload. A claim that is not known here may forbid something, so it is refused, not skipped. */
function readClaims(payload: Uint8Array): GrantClaims | undefined {
  const claims = decodeStrictly(payload);
  if (!(claims instanceof Map) || claims.size !== Object.keys(label).length || claims.get(label.catv) !== 1)
    return undefined;
  const issuer: unknown = claims.get(label.iss);
  const subject: unknown = claims.get(label.sub);
  const expiresAt: unknown = claims.get(label.exp);
  const issuedAt: unknown = claims.get(label.iat);
  const id: unknown = claims.get(label.cti);
  const prefix = readPrefix(claims.get(label.catu));
  if (typeof issuer !== "string" || typeof subject !== "string" || !(id instanceof Uint8Array)) return undefined;
  if (!isUnixSeconds(expiresAt) || !isUnixSeconds(issuedAt) || prefix === undefined) return undefined;
  if (!isGetAndHead(claims.get(label.catm))) return undefined;
  return { issuer, subject, sessionId: encodeBase64url(id), prefix, issuedAt, expiresAt };
}

function isGetAndHead(catm: unknown): boolean {
  return Array.isArray(catm) && catm.length === 2 && catm[0] === "GET" && catm[1] === "HEAD";
}

function readPrefix(catu: unknown): string | undefined {
  const path: unknown = catu instanceof Map && catu.size === 1 ? catu.get(uriPath) : undefined;
  const prefix: unknown = path instanceof Map && path.size === 1 ? path.get(prefixMatch) : undefined;
  return typeof prefix === "string" && prefix.startsWith("/") && prefix.endsWith("/") ? prefix : undefined;
}
