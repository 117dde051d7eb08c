import type { RandomBytes } from "../base/crypto.ts";
import { encodeBase64url } from "../base/encoding.ts";
import {
  type BackendKey,
  backendKeySchema,
  type CloudFrontKey,
  cloudFrontKeySchema,
  type EdgeKey,
  type OperatorKey,
  operatorKeySchema,
  type SessionKey,
  type TokenKey,
  tokenKeySchema,
} from "./key.ts";

/** A new session key: 32 random bytes. */
export function newSessionKey(kid: string, random: RandomBytes): SessionKey {
  return { kid, purpose: "session", kty: "oct", alg: "HS256", k: encodeBase64url(random(32)) };
}

/** A new session key for CloudFront's function: 32 random bytes. */
export function newEdgeKey(kid: string, random: RandomBytes): EdgeKey {
  return { ...newSessionKey(kid, random), purpose: "cloudfront-session" };
}

/** A new CloudFront key pair: RSA with 2048 bits, or P-256. `kid` becomes `Key-Pair-Id`. */
export async function newCloudFrontKey(kid: string, type: "rsa" | "ec"): Promise<CloudFrontKey> {
  const about = { kid, purpose: "cloudfront", alg: type === "rsa" ? "RS256" : "ES256" };
  return cloudFrontKeySchema.parse({ ...about, ...(type === "rsa" ? await newRsaJwk() : await newEcJwk()) });
}

/** A new P-256 key pair that signs bearer tokens, for development. */
export async function newTokenKey(kid: string): Promise<TokenKey> {
  return tokenKeySchema.parse({ kid, purpose: "token", alg: "ES256", ...(await newEcJwk()) });
}

/** A new P-256 key pair that signs operators' credentials. */
export async function newOperatorKey(kid: string): Promise<OperatorKey> {
  return operatorKeySchema.parse({ kid, purpose: "operator", alg: "ES256", ...(await newEcJwk()) });
}

/** A new P-256 key pair that signs backends' credentials. */
export async function newBackendKey(kid: string): Promise<BackendKey> {
  return backendKeySchema.parse({ kid, purpose: "backend", alg: "ES256", ...(await newEcJwk()) });
}

async function newRsaJwk() {
  const algorithm = {
    name: "RSASSA-PKCS1-v1_5",
    hash: "SHA-256",
    modulusLength: 2048,
    publicExponent: new Uint8Array([1, 0, 1]),
  };
  const pair = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const { kty, n, e, d, p, q, dp, dq, qi } = await crypto.subtle.exportKey("jwk", pair.privateKey);
  return { kty, n, e, d, p, q, dp, dq, qi };
}

async function newEcJwk() {
  const pair = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign", "verify"]);
  const { kty, crv, x, y, d } = await crypto.subtle.exportKey("jwk", pair.privateKey);
  return { kty, crv, x, y, d };
}
