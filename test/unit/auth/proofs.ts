import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { encodeBase64url } from "../../../src/base/encoding.ts";
import { now } from "../signing/session.ts";
import { apiUrl } from "./sources.ts";

/** A client with a key pair that its tokens are bound to. */
export interface Holder {
  readonly algorithm: string;
  readonly privateKey: CryptoKey;
  readonly privateJwk: object;
  readonly jwk: object;
}

export async function newHolder(algorithm = "ES256"): Promise<Holder> {
  const { privateKey, publicKey } = await generateKeyPair(algorithm, { extractable: true });
  const [privateJwk, jwk] = [await exportJWK(privateKey), await exportJWK(publicKey)];
  return { algorithm, privateKey, privateJwk, jwk };
}

/** SHA-256 of a token in base64url: `ath`. */
export async function hashOf(token: string): Promise<string> {
  return encodeBase64url(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(token))));
}

let count = 0;

/** A valid proof for `POST /stream/start` with `token`, with changes to its claims and header; undefined removes a member. */
export async function proofOf(
  { algorithm, privateKey, jwk }: Holder,
  token: string,
  claims: Readonly<Record<string, unknown>> = {},
  header: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  const usual = {
    htm: "POST",
    htu: `${apiUrl}/stream/start`,
    iat: now,
    jti: `proof-${count++}`,
    ath: await hashOf(token),
  };
  const payload = JSON.parse(JSON.stringify({ ...usual, ...claims }));
  const { alg = algorithm, ...rest } = JSON.parse(JSON.stringify({ typ: "dpop+jwt", jwk, ...header }));
  return new SignJWT(payload).setProtectedHeader({ alg, ...rest }).sign(privateKey);
}
