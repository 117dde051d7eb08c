import { createSign } from "node:crypto";
import { sdkWire } from "../../../cli/lib/aws-signer.ts";
import type { Refusal, Result } from "../../../src/base/result.ts";
import { unixSeconds } from "../../../src/base/time.ts";
import { cloudFrontSign } from "../../../src/platform/node/node-crypto.ts";
import type { CloudFrontHash } from "../../../src/signing/cloudfront/cloudfront-policy.ts";
import { type CloudFrontSigner, cloudFrontSigner } from "../../../src/signing/cloudfront/cloudfront-signer.ts";
import { type CloudFrontPublicKey, importCloudFrontPublicKey } from "../../../src/signing/cloudfront/public-key.ts";
import {
  type CloudFrontAccess,
  type CloudFrontRequest,
  verifyCloudFront,
} from "../../../src/signing/cloudfront/verify-cloudfront.ts";
import { type CloudFrontDistribution, cloudFrontWire } from "../../../src/signing/cloudfront/wire-format.ts";

export const baseUrl = "https://d111111abcdef8.cloudfront.net";
export const keyPairId = "K2JCJMDEHXQW5F";
export const expires = unixSeconds(1_795_000_000);
export const before = unixSeconds(1_794_999_999);

export type KeyKind = "RSA" | "EC";

export type KeyPair = {
  readonly privateJwk: JsonWebKey;
  readonly publicJwk: JsonWebKey;
  readonly spki: Uint8Array<ArrayBuffer>;
  readonly pem: string;
  readonly publicKey: CloudFrontPublicKey;
};

const algorithms = {
  RSA: {
    name: "RSASSA-PKCS1-v1_5",
    modulusLength: 2048,
    publicExponent: Uint8Array.of(1, 0, 1),
    hash: "SHA-256",
  },
  EC: { name: "ECDSA", namedCurve: "P-256" },
};

/** A key pair from WebCrypto, in every form that tests need. */
export async function keyPair(kind: KeyKind): Promise<KeyPair> {
  const pair = await crypto.subtle.generateKey(algorithms[kind], true, ["sign", "verify"]);
  if (!("privateKey" in pair)) throw new Error("WebCrypto returned no key pair");
  const publicJwk = await crypto.subtle.exportKey("jwk", pair.publicKey);
  const pkcs8 = new Uint8Array(await crypto.subtle.exportKey("pkcs8", pair.privateKey));
  const imported = await importCloudFrontPublicKey(publicJwk);
  if (!imported.ok) throw new Error(imported.refusal);
  return {
    privateJwk: await crypto.subtle.exportKey("jwk", pair.privateKey),
    publicJwk,
    spki: new Uint8Array(await crypto.subtle.exportKey("spki", pair.publicKey)),
    pem: `-----BEGIN PRIVATE KEY-----\n${btoa(String.fromCharCode(...pkcs8))}\n-----END PRIVATE KEY-----\n`,
    publicKey: imported.value,
  };
}

export function distribution(hash: CloudFrontHash): CloudFrontDistribution {
  return { baseUrl, keyPairId, hash };
}

export function ourSigner(keys: KeyPair, hash: CloudFrontHash): CloudFrontSigner {
  return cloudFrontSigner(
    distribution(hash),
    cloudFrontWire(distribution(hash), cloudFrontSign(toNode(keys.privateJwk), hash)),
  );
}

export function sdkSigner(keys: KeyPair, hash: CloudFrontHash): CloudFrontSigner {
  return cloudFrontSigner(distribution(hash), sdkWire(distribution(hash), keys.pem));
}

/** A URL as the edge sees it, at a time when it is valid. */
export function requestFor(url: string, changes: Partial<CloudFrontRequest> = {}): CloudFrontRequest {
  const rest = url.slice(baseUrl.length);
  const mark = rest.indexOf("?");
  return {
    method: "GET",
    baseUrl,
    path: mark < 0 ? rest : rest.slice(0, mark),
    query: mark < 0 ? undefined : rest.slice(mark + 1),
    now: before,
    address: undefined,
    ...changes,
  };
}

export function verify(keys: KeyPair, url: string, changes: Partial<CloudFrontRequest> = {}) {
  return verifyCloudFront(requestFor(url, changes), (id) => (id === keyPairId ? keys.publicKey : undefined));
}

export function verdict(result: Result<CloudFrontAccess, Refusal>): string {
  return result.ok ? "accepted" : result.refusal.code;
}

export function unwrap<Value>(result: Result<Value, unknown>): Value {
  if (!result.ok) throw new Error(JSON.stringify(result.refusal));
  return result.value;
}

/** A URL with any signed policy, even one that our signer never writes. */
export function withPolicy(keys: KeyPair, url: string, policy: string | Uint8Array): string {
  const bytes = typeof policy === "string" ? new TextEncoder().encode(policy) : policy;
  const signature = createSign("SHA256").update(bytes).sign(keys.pem);
  return `${url}?Policy=${cloudFrontBase64(bytes)}&Key-Pair-Id=${keyPairId}&Signature=${cloudFrontBase64(signature)}&Hash-Algorithm=SHA256`;
}

/** A URL with a query, and a canned policy from the runtime's JSON. */
export function withCanned(keys: KeyPair, url: string, end: number): string {
  const statement = { Resource: url, Condition: { DateLessThan: { "AWS:EpochTime": end } } };
  const signature = createSign("SHA256")
    .update(JSON.stringify({ Statement: [statement] }))
    .sign(keys.pem);
  return `${url}&Expires=${end}&Key-Pair-Id=${keyPairId}&Signature=${cloudFrontBase64(signature)}&Hash-Algorithm=SHA256`;
}

/** CloudFront's base64, from the runtime's base64 and AWS's three replacements. */
export function cloudFrontBase64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("=", "_")
    .replaceAll("/", "~");
}

function toNode({ kty, n, e, d, p, q, dp, dq, qi, crv, x, y }: JsonWebKey) {
  const members = { kty, n, e, d, p, q, dp, dq, qi, crv, x, y };
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}
