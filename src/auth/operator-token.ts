import { decodeProtectedHeader, errors, type JSONWebKeySet } from "jose";
import { ok, type Refusal, type Result, refusal, refuse } from "../base/result.ts";
import type { Clock, UnixSeconds } from "../base/time.ts";
import { publicHalf } from "../keys/key-material.ts";
import { isAccepted, type KeyRing, keysFor } from "../keys/ring.ts";
import type { Credential } from "./credential.ts";
import { issuerSchema } from "./issuer.ts";
import { keysInSet } from "./jwk-set.ts";
import type { RequestCredential } from "./request-credential.ts";
import { type FindKeys, type TrustedIssuer, verifyJwt } from "./verify-jwt.ts";

/** `iss` and `aud` of operators' credentials: no viewer's token has them, and no issuer of viewers may take the name. */
export const operatorIssuer = "stagedoor-operator";

/** What an operator may be allowed: to look, to end what runs, to end a key and so all that it signed, to change the catalog. */
export const operatorScopes = ["operator:read", "operator:revoke", "operator:keys", "operator:assets"] as const;
export type OperatorScope = (typeof operatorScopes)[number];

/**
 * Who vouches for operators: the ring's keys of the purpose operator, each within its window and by the kid that the token
 * names, and nobody where there is none. A key of staging's ring is none of production's, though both have the same name.
 */
export function operatorIssuers(ring: KeyRing, clock: Clock): readonly TrustedIssuer[] {
  const ringKeys = keysFor(ring, "operator");
  if (ringKeys.length === 0) return [];
  const jwks: JSONWebKeySet = { keys: ringKeys.map(publicHalf) };
  const about = { issuer: operatorIssuer, audience: operatorIssuer, algorithms: ["ES256"] };
  const settings = issuerSchema.parse({ ...about, jwks });
  const find = keysInSet(jwks);
  const keys: FindKeys = async (signed) => {
    const key = ringKeys.find(({ kid }) => kid === signed.kid);
    if (key === undefined || !isAccepted(key, clock())) throw new errors.JWKSNoMatchingKey();
    return find(signed);
  };
  return [{ settings, keys }];
}

/** An operator, and the ring's key that signed their credential. */
export interface Operator {
  readonly credential: Credential;
  readonly kid: string;
}

/** Whether this is the kid of a key that vouches for operators. */
export function isOperatorKey(kid: string, operators: readonly TrustedIssuer[]): boolean {
  return operators.some(({ settings }) => settings.jwks?.keys.some((key) => key.kid === kid) === true);
}

/**
 * The operator behind a request: their JWT came as a bearer token, was signed by a key of the ring, and has the scope.
 * A browser adds a cookie by itself, so none makes an operator. `token_missing`, `token_invalid`, `token_expired`,
 * `scope_insufficient`. Whether the token or its key was revoked is for who asks the log.
 */
export async function verifyOperator(
  asked: RequestCredential,
  scope: OperatorScope,
  operators: readonly TrustedIssuer[],
  now: UnixSeconds,
): Promise<Result<Operator, Refusal>> {
  const presented = asked.read();
  if (!presented.ok) return presented;
  if (presented.value.is !== "bearer") return refusal("token_missing", "an operator sends a bearer token");
  const { token } = presented.value;
  const verified = await verifyJwt(token, operators, now);
  if (!verified.ok) return verified;
  const { credential, jkt } = verified.value;
  if (jkt !== undefined) return refusal("token_invalid", "the token is bound to a key, and came as a bearer token");
  if (credential.scopes.has(scope)) return ok({ credential, kid: decodeProtectedHeader(token).kid ?? "" });
  return refuse({ code: "scope_insufficient", reason: `the token lacks ${scope}`, scope });
}
