import { decodeProtectedHeader } from "jose";
import { ok, type Refusal, type Result, refusal, refuse } from "../base/result.ts";
import type { Clock, UnixSeconds } from "../base/time.ts";
import type { KeyRing } from "../keys/ring.ts";
import { readJwsParts } from "./claims.ts";
import type { Credential, Presented } from "./credential.ts";
import type { PresentedRefusal } from "./read-credential.ts";
import { type RingRefusal, ringIssuers, ringRefusal } from "./ring-issuer.ts";
import { type TrustedIssuer, verifyJwt } from "./verify-jwt.ts";

/** `iss` and `aud` of operator tokens. No viewer's token has them, and no viewer issuer may use the name. */
export const operatorIssuer = "stagedoor-operator";

/**
 * An operator's permissions: read, revoke sessions and tokens, revoke a key with everything that it signed, change the
 * catalog.
 */
export const operatorScopes = ["operator:read", "operator:revoke", "operator:keys", "operator:assets"] as const;
export type OperatorScope = (typeof operatorScopes)[number];

/** The issuer of operator tokens: the ring's operator keys. See {@link ringIssuers}. */
export function operatorIssuers(ring: KeyRing, clock: Clock): readonly TrustedIssuer[] {
  return ringIssuers(ring, "operator", operatorIssuer, clock);
}

/** An operator, and the kid of the key that signed their token. */
export interface Operator {
  readonly credential: Credential;
  readonly kid: string;
}

/** A cookie is never accepted, but a malformed one is refused (`sign_in_required`), as is a malformed DPoP proof. */
export type OperatorTokenRefusal = Refusal<(PresentedRefusal | RingRefusal)["code"] | "scope_insufficient">;

const operatorNeeded =
  "Authorization: Send an operator's credential as a bearer token (`npx stagedoor operator new` issues one). Viewers' tokens, backends' credentials and cookies are not accepted here.";
const otherDeployment =
  "Authorization: Send a credential of this deployment. No operator key that it accepts signed this one: it may be of another deployment, or its key may be retired.";

/** Whether a token names the issuer of operators' credentials; it is not verified. */
export function isOperatorToken(token: string): boolean {
  const parts = readJwsParts(token);
  return parts.ok && parts.value.claims.iss === operatorIssuer;
}

/**
 * Verifies an operator's JWT: sent as a bearer token, signed by a key of the ring, with the scope. Cookies are not
 * accepted, because a browser adds them by itself. The caller checks whether the token or its key was revoked.
 */
export async function verifyOperator(
  request: { read(): Result<Presented, PresentedRefusal> },
  scope: OperatorScope,
  operators: readonly TrustedIssuer[],
  now: UnixSeconds,
): Promise<Result<Operator, OperatorTokenRefusal>> {
  const presented = request.read();
  if (!presented.ok)
    return presented.refusal.code === "token_missing" && !("faults" in presented.refusal)
      ? refusal("token_missing", presented.refusal.reason, operatorNeeded)
      : presented;
  if (presented.value.kind !== "bearer")
    return refusal("token_missing", "an operator sends a bearer token", operatorNeeded);
  const { token } = presented.value;
  const verified = await verifyJwt(token, operators, now);
  if (!verified.ok) return ringRefusal(verified.refusal, isOperatorToken(token) ? otherDeployment : operatorNeeded);
  const { credential, jkt } = verified.value;
  if (jkt !== undefined) return refusal("token_invalid", "the token is bound to a key, and came as a bearer token");
  if (credential.scopes.has(scope)) return ok({ credential, kid: decodeProtectedHeader(token).kid ?? "" });
  return refuse({ code: "scope_insufficient", reason: `the token lacks ${scope}`, scope });
}
