import { operatorIssuer } from "../../../src/auth/operator-token.ts";
import { type OperatorKey, operatorKeySchema } from "../../../src/keys/key.ts";
import { now } from "../signing/session.ts";
import { newPair, type Pair, token } from "./tokens.ts";

/** A key with the purpose `operator`, as in the API's ring, and its key pair. */
export interface OperatorPair {
  readonly key: OperatorKey;
  readonly pair: Pair;
}

export async function newOperatorPair(
  kid = "op-1",
  window: { readonly nbf?: number; readonly exp?: number } = {},
): Promise<OperatorPair> {
  const pair = await newPair("ES256", kid);
  const { kty, crv, x, y } = pair.jwk;
  return { pair, key: operatorKeySchema.parse({ kid, purpose: "operator", alg: "ES256", kty, crv, x, y, ...window }) };
}

/** An operator's credential, with changes to its claims; undefined removes a claim. */
export function operatorToken(
  { pair }: OperatorPair,
  claims: Readonly<Record<string, unknown>> = {},
  header: Parameters<typeof token>[2] = {},
): Promise<string> {
  const usual = {
    iss: operatorIssuer,
    aud: operatorIssuer,
    sub: "ann",
    scope: "operator:revoke operator:keys",
    jti: "o-1",
    iat: now,
  };
  return token(pair, { ...usual, assets: undefined, ...claims }, header);
}
