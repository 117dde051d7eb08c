import { type Refusal, refusal } from "../../base/refusal.ts";
import { ok, type Result } from "../../base/result.ts";
import type { Credential } from "../../credential/credential.ts";
import { type OperatorScope, verifyOperator } from "../../credential/operator.ts";
import { isKeyRevoked } from "../../sessions/revocation-snapshot.ts";
import type { SessionContext, SessionRequest } from "./context.ts";
import { nothingForbids } from "./revocations-now.ts";

/**
 * The operator behind a request, with this scope, whose credential and its key nobody has revoked. What {@link verifyOperator} refuses;
 * `token_revoked`, and `store_unavailable` where nobody knows whether it was.
 */
export async function authorizeOperator(
  request: SessionRequest,
  scope: OperatorScope,
  context: SessionContext,
): Promise<Result<Credential, Refusal>> {
  const operator = await standing(request, scope, context);
  const outcome = operator.ok ? "accepted" : operator.refusal.code;
  context.telemetry({ event: "validated", by: "operator", outcome });
  return operator;
}

async function standing(
  request: SessionRequest,
  scope: OperatorScope,
  context: SessionContext,
): Promise<Result<Credential, Refusal>> {
  const operator = await verifyOperator(request.credential, scope, context.operators, context.clock());
  if (!operator.ok) return operator;
  const { credential, kid } = operator.value;
  // Else an operator whose token was revoked would take that back with it.
  const snapshot = await nothingForbids(credential, undefined, request, context);
  if (!snapshot.ok) return snapshot;
  return isKeyRevoked(snapshot.value, kid)
    ? refusal("token_revoked", "the key that signed the operator's credential was revoked")
    : ok(credential);
}
