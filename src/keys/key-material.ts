import { calculateJwkThumbprint } from "jose";
import { decodeBase64url, encodeBase64url } from "../base/encoding.ts";
import { ok, type Result, refuse } from "../base/result.ts";
import type { BackendKey, CloudFrontKey, EdgeKey, OperatorKey, RingKey, SessionKey, TokenKey } from "./key.ts";

/**
 * Derives one key per purpose from a session key: HKDF-SHA256 (RFC 5869) without salt, info `stagedoor/v1/<purpose>`,
 * 32 bytes each. A derived key reveals nothing about the others or the session key.
 */
export async function derivedFrom(key: SessionKey | EdgeKey): Promise<(purpose: string) => Promise<Uint8Array>> {
  const bytes = decodeBase64url(key.k);
  if (bytes === undefined) throw new TypeError(`session key "${key.kid}" was not checked before it was used`);
  const material = await crypto.subtle.importKey("raw", bytes, "HKDF", false, ["deriveBits"]);
  return async (purpose) => {
    const info = new TextEncoder().encode(`stagedoor/v1/${purpose}`);
    const algorithm = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info };
    return new Uint8Array(await crypto.subtle.deriveBits(algorithm, material, 256));
  };
}

/**
 * A fingerprint, so that people can compare keys without seeing them. For a key pair: the thumbprint of the public half
 * (RFC 7638), SHA-256 in base64url. For a session key: the first 8 bytes of the key derived for the purpose
 * `fingerprint`; session keys are 32 random bytes, so they cannot be guessed from it.
 */
export async function fingerprintOf(key: RingKey): Promise<string> {
  if (key.kty !== "oct") {
    const { kid: _, ...jwk } = publicHalf(key);
    return calculateJwkThumbprint(jwk, "sha256");
  }
  const derived = await derivedFrom(key);
  return encodeBase64url((await derived("fingerprint")).subarray(0, 8));
}

/**
 * The public half of a key as a JWK, for verifiers. A symmetric key has none and is refused: an export that silently
 * omits a key would look complete.
 */
export function publicJwk(key: RingKey): Result<JsonWebKey & { kid: string }, string> {
  if (key.kty === "oct") return refuse(`key "${key.kid}" is symmetric: it has no public half and is never exported`);
  return ok(publicHalf(key));
}

/** The public half of a key pair as a JWK. */
export function publicHalf(key: CloudFrontKey | TokenKey | OperatorKey | BackendKey): JsonWebKey & { kid: string } {
  const about = { kid: key.kid, alg: key.alg, use: "sig" };
  return key.kty === "RSA"
    ? { ...about, kty: key.kty, n: key.n, e: key.e }
    : { ...about, kty: key.kty, crv: key.crv, x: key.x, y: key.y };
}

/** A key pair without its private half, for a worker that only verifies. */
export function withoutPrivateHalf(key: CloudFrontKey): CloudFrontKey;
export function withoutPrivateHalf(key: OperatorKey | BackendKey): OperatorKey | BackendKey;
export function withoutPrivateHalf(
  key: CloudFrontKey | OperatorKey | BackendKey,
): CloudFrontKey | OperatorKey | BackendKey;
export function withoutPrivateHalf(
  key: CloudFrontKey | OperatorKey | BackendKey,
): CloudFrontKey | OperatorKey | BackendKey {
  const { kid, nbf, exp, state, since } = key;
  const window = {
    ...(nbf === undefined ? {} : { nbf }),
    ...(exp === undefined ? {} : { exp }),
    ...(state === undefined ? {} : { state }),
    ...(since === undefined ? {} : { since }),
  };
  return key.kty === "RSA"
    ? { kid, ...window, purpose: key.purpose, kty: key.kty, alg: key.alg, n: key.n, e: key.e }
    : { kid, ...window, purpose: key.purpose, kty: key.kty, alg: key.alg, crv: key.crv, x: key.x, y: key.y };
}

/** A CloudFront key without the note `cloudfront`, which only the ring's file has. */
export function withoutBinding({ cloudfront: _, ...key }: CloudFrontKey): CloudFrontKey {
  return key;
}

/** Whether two keys are the same: equal secrets or equal public halves, whatever their kids. */
export function isSameKey(a: RingKey, b: RingKey): boolean {
  if (a.kty === "oct" || b.kty === "oct") return a.kty === "oct" && b.kty === "oct" && a.k === b.k;
  if (a.kty === "RSA" || b.kty === "RSA") return a.kty === "RSA" && b.kty === "RSA" && a.n === b.n && a.e === b.e;
  return a.x === b.x && a.y === b.y;
}

/** The public half as PEM (SubjectPublicKeyInfo, RFC 7468 §13), as CloudFront's CreatePublicKey accepts it. */
export async function publicPem(key: CloudFrontKey | TokenKey | OperatorKey | BackendKey): Promise<string> {
  const algorithm =
    key.kty === "RSA" ? { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" } : { name: "ECDSA", namedCurve: "P-256" };
  const { kid: _, ...jwk } = publicHalf(key);
  const imported = await crypto.subtle.importKey("jwk", jwk, algorithm, true, ["verify"]);
  const exported = await crypto.subtle.exportKey("spki", imported);
  if (!(exported instanceof ArrayBuffer)) throw new TypeError("SubjectPublicKeyInfo comes as bytes");
  const spki = new Uint8Array(exported);
  const lines = btoa(String.fromCharCode(...spki)).match(/.{1,64}/g) ?? [];
  return `-----BEGIN PUBLIC KEY-----\n${lines.join("\n")}\n-----END PUBLIC KEY-----\n`;
}

/** The private key pair as a plain JWK, for libraries; undefined if the ring has only the public half. */
export function privateJwk(key: CloudFrontKey): JsonWebKey | undefined {
  if (key.d === undefined) return undefined;
  const { kid: _, ...jwk } = publicHalf(key);
  if (key.kty === "EC") return { ...jwk, d: key.d };
  const { d, p, q, dp, dq, qi } = key;
  const whole = p !== undefined && q !== undefined && dp !== undefined && dq !== undefined && qi !== undefined;
  return whole ? { ...jwk, d, p, q, dp, dq, qi } : undefined;
}
