import type { Credential } from "../auth/credential.ts";
import {
  type Operator,
  type OperatorScope,
  type OperatorTokenRefusal,
  verifyOperator,
} from "../auth/operator-token.ts";
import { ok, type Refusal, type Result, refusal } from "../base/result.ts";
import { isKeyRevoked } from "./revocation-snapshot.ts";
import { type RevokedRefusal, requireNotRevoked, revocationsNow } from "./revocations-now.ts";
import type { SessionContext, SessionRequest } from "./session-context.ts";

export type OperatorRefusal = Refusal<(OperatorTokenRefusal | RevokedRefusal)["code"]>;

/** The refusals of an operator's credential, in addition to those of every request. */
export const operatorRefusals = ["token_expired", "token_revoked", "scope_insufficient", "store_unavailable"] as const;

/** The credential of the operator who sends a request, if it has this scope and neither it nor its key is revoked. */
export async function authorizeOperator(
  request: SessionRequest,
  scope: OperatorScope,
  context: SessionContext,
): Promise<Result<Credential, OperatorRefusal>> {
  const operator = await operatorBehind(request, scope, context);
  return operator.ok ? ok(operator.value.credential) : operator;
}

/** As {@link authorizeOperator}, with the key that signed the credential. */
export async function operatorBehind(
  request: SessionRequest,
  scope: OperatorScope,
  context: SessionContext,
): Promise<Result<Operator, OperatorRefusal>> {
  const verified = await verifyOperator(request.credential, scope, context.operators, context.clock());
  const operator = verified.ok ? await requireOperatorNotRevoked(verified.value, request, context) : verified;
  const outcome = operator.ok ? "accepted" : operator.refusal.code;
  context.telemetry({ event: "validated", by: "operator", outcome });
  return operator;
}

/** Refuses an operator whose credential or key is revoked. */
export async function requireOperatorNotRevoked(
  operator: Operator,
  request: SessionRequest,
  context: SessionContext,
): Promise<Result<Operator, RevokedRefusal>> {
  // Otherwise an operator could lift the revocation of their own token with it.
  const snapshot = await requireNotRevoked(operator.credential, revocationsNow(request, context));
  if (!snapshot.ok) return snapshot;
  return isKeyRevoked(snapshot.value, operator.kid)
    ? refusal("token_revoked", "the key that signed the operator's credential was revoked")
    : ok(operator);
}
