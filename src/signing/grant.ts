import { makeRoom } from "../base/bounded-map.ts";
import { equalInConstantTime, type Mac } from "../base/crypto.ts";
import { decodeBase64url, encodeBase64url } from "../base/encoding.ts";
import { ok, type Refusal, type Result, refusal } from "../base/result.ts";
import type { UnixSeconds } from "../base/time.ts";
import { isAccepted } from "../keys/ring.ts";
import { envelopeBytes, macBytes, openEnvelope } from "./cose-mac0.ts";
import { type GrantClaims, readClaims, writeClaims } from "./grant-claims.ts";
import type { PreparedSessionKey, SessionKeys } from "./session-keys.ts";

/**
 * A verified grant: a playback session. It is a Common Access Token (CTA-5007): a CWT (RFC 8392) in a COSE_Mac0 (RFC
 * 9052 §6.2) with HMAC-SHA256. Verifying it needs no store.
 */
export interface Grant extends GrantClaims {
  readonly kid: string;
  /** Its only spelling, the first path segment of every URL of the session. */
  readonly text: string;
}

const longest = 1024;

/** The grant of `claims` in base64url, under `key`. Equal claims and keys give equal text. */
export function mintGrant(claims: GrantClaims, key: { readonly kid: string; readonly grant: Mac }): string {
  const payload = writeClaims(claims);
  const message = macBytes(key.kid, payload);
  return encodeBase64url(envelopeBytes(key.kid, payload, key.grant(message)));
}

/**
 * Opens a grant: verifies its MAC under the key that its protected kid names, then reads its claims. `key_unknown`: the ring
 * has no such key, or the key has expired. The caller checks the grant's own expiry.
 */
export function openGrant(
  text: string,
  keys: SessionKeys,
  now: UnixSeconds,
): Result<Grant, Refusal<"grant_invalid" | "key_unknown">> {
  if (text.length > longest) return refusal("grant_invalid", "the grant is too long");
  const bytes = decodeBase64url(text);
  const envelope = bytes === undefined ? undefined : openEnvelope(bytes);
  if (envelope === undefined) return refusal("grant_invalid", "the first path segment is not a grant");
  const key = keys.get(envelope.kid);
  if (key === undefined || !isAccepted(key, now))
    return refusal("key_unknown", "the grant's key is not in the key ring (any more)");
  if (!isMacValid(key, envelope.kid, envelope.payload, envelope.tag))
    return refusal("grant_invalid", "the grant's MAC is invalid");
  const claims = readClaims(envelope.payload);
  if (claims === undefined)
    return refusal("grant_invalid", "the grant is authentic, but has claims that this version does not support");
  return ok({ ...claims, kid: envelope.kid, text });
}

function isMacValid(key: PreparedSessionKey, kid: string, payload: Uint8Array, tag: Uint8Array): boolean {
  return equalInConstantTime(encodeBase64url(key.grant(macBytes(kid, payload))), encodeBase64url(tag));
}

/**
 * {@link openGrant} with a cache. A session sends the same grant with each request, so each isolate verifies it once.
 * Only valid grants are kept, under their whole text, so the cache reveals nothing to a caller without a valid grant. A
 * grant whose key expired or was replaced is opened again.
 */
export function rememberGrants(capacity: number): typeof openGrant {
  const opened = new Map<string, { readonly grant: Grant; readonly key: PreparedSessionKey }>();
  return (text, keys, now) => {
    const known = opened.get(text);
    if (known !== undefined && keys.get(known.grant.kid) === known.key && isAccepted(known.key, now))
      return ok(known.grant);
    const result = openGrant(text, keys, now);
    const key = result.ok ? keys.get(result.value.kid) : undefined;
    if (result.ok && key !== undefined) {
      makeRoom(opened, capacity);
      const own = ownCopy(text);
      opened.set(own, { grant: { ...result.value, text: own }, key });
    }
    return result;
  };
}

/** A copy of the text: a slice keeps its source alive, here a URL that a client may make long. */
function ownCopy(text: string): string {
  return new TextDecoder().decode(new TextEncoder().encode(text));
}
