import { type BackendKey, backendKeySchema } from "../../../src/keys/key.ts";
import { now } from "../signing/session.ts";
import { newPair, type Pair, token } from "./tokens.ts";

/** A key with the purpose `backend`, as in the API's ring, and its key pair. */
export interface BackendPair {
  readonly key: BackendKey;
  readonly pair: Pair;
}

export async function newBackendPair(
  kid = "be-1",
  window: { readonly nbf?: number; readonly exp?: number } = {},
): Promise<BackendPair> {
  const pair = await newPair("ES256", kid);
  const { kty, crv, x, y } = pair.jwk;
  return { pair, key: backendKeySchema.parse({ kid, purpose: "backend", alg: "ES256", kty, crv, x, y, ...window }) };
}

/** A backend's credential, with changes to its claims; undefined removes a claim. */
export function backendToken(
  { pair }: BackendPair,
  claims: Readonly<Record<string, unknown>> = {},
  header: Parameters<typeof token>[2] = {},
): Promise<string> {
  const usual = {
    iss: "stagedoor-backend",
    aud: "stagedoor-backend",
    sub: "web",
    scope: "stream:play",
    assets: "*",
    rate: 600,
    jti: "b-1",
    iat: now,
  };
  return token(pair, { ...usual, ...claims }, header);
}
