import { exportJWK, generateKeyPair, type JWK, type JWTHeaderParameters, SignJWT } from "jose";
import type { HttpDeps } from "../../../src/auth/ask-json.ts";
import { type Issuer, issuerSchema } from "../../../src/auth/issuer.ts";
import { trustIssuer } from "../../../src/auth/trusted-issuers.ts";
import { type TrustedIssuer, verifyJwt } from "../../../src/auth/verify-jwt.ts";
import { encodeBase64url } from "../../../src/base/encoding.ts";
import { systemClock, systemTimer } from "../../../src/base/time.ts";
import { nodeSha256 } from "../../../src/platform/node/node-crypto.ts";
import { now } from "../signing/session.ts";

export type Algorithm = Issuer["algorithms"][number];

export const issuerName = "https://id.example";
export const audience = "https://stagedoor.example";

/** An issuer's key pair, generated for each run: only the issuer has `sign`. */
export interface Pair {
  readonly algorithm: Algorithm;
  readonly kid: string;
  readonly sign: CryptoKey | Uint8Array;
  readonly jwk: JWK & { kty: string };
}

export async function newPair(algorithm: Algorithm, kid = "k1"): Promise<Pair> {
  if (algorithm.startsWith("HS")) {
    const sign = crypto.getRandomValues(new Uint8Array(Number(algorithm.slice(2)) / 8));
    return { algorithm, kid, sign, jwk: { kty: "oct", kid, k: encodeBase64url(sign) } };
  }
  const { privateKey, publicKey } = await generateKeyPair(algorithm, { extractable: true });
  const { kty = "", ...rest } = await exportJWK(publicKey);
  return { algorithm, kid, sign: privateKey, jwk: { ...rest, kty, kid } };
}

export const usualClaims = {
  iss: issuerName,
  aud: audience,
  sub: "viewer-1",
  scope: "openid stream:play",
  assets: ["film"],
  exp: now + 900,
};

/** A token signed by `pair`, with changes to its claims and header; undefined removes a claim. */
export function token(
  pair: Pair,
  claims: Readonly<Record<string, unknown>> = {},
  header: Partial<JWTHeaderParameters> = {},
): Promise<string> {
  const payload = JSON.parse(JSON.stringify({ ...usualClaims, ...claims }));
  return new SignJWT(payload).setProtectedHeader({ alg: pair.algorithm, kid: pair.kid, ...header }).sign(pair.sign);
}

/** A token assembled by hand, with any signature: an attacker can write this. */
export function rawToken(header: unknown, claims: unknown, signature: Uint8Array): string {
  const part = (value: unknown) => encodeBase64url(new TextEncoder().encode(JSON.stringify(value)));
  return `${part(header)}.${part(claims)}.${encodeBase64url(signature)}`;
}

export const noFetch: typeof fetch = () => {
  throw new Error("unexpected fetch");
};

/** The means to reach providers. The clock is the machine's; a test can stop it. */
export function httpDeps(fetch: typeof globalThis.fetch, changes: Partial<HttpDeps> = {}): HttpDeps {
  return {
    fetch,
    clock: systemClock,
    timer: systemTimer,
    sha256: nodeSha256,
    onFailure: () => undefined,
    ...changes,
  };
}

export function trusting(
  keys: readonly JWK[],
  changes: Readonly<Record<string, unknown>> = {},
  fetch: typeof globalThis.fetch = noFetch,
): TrustedIssuer {
  const settings = issuerSchema.parse({
    issuer: issuerName,
    audience,
    algorithms: ["ES256"],
    ...(changes.jwksUri === undefined && changes.introspection === undefined ? { jwks: { keys } } : {}),
    ...changes,
  });
  return trustIssuer(settings, httpDeps(fetch));
}

/** The code of the refusal, or `ok`. */
export async function judge(text: string, issuers: readonly TrustedIssuer[], at = now): Promise<string> {
  const verified = await verifyJwt(text, issuers, at);
  return verified.ok ? "ok" : verified.refusal.code;
}
