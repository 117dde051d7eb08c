import { type Refusal, refusal } from "../base/refusal.ts";
import { ok, type Result, refuse } from "../base/result.ts";
import type { Operator, OperatorScope } from "../credential/operator.ts";
import type { OperatorContext } from "../flows/operator/context.ts";
import { operatorBehind, stillStands } from "../flows/session/authorize-operator.ts";
import type { SessionRequest } from "../flows/session/context.ts";
import { networkName } from "../flows/session/network-name.ts";
import { revocationsNow } from "../flows/session/revocations-now.ts";
import { fromStore } from "../flows/session/store-failure.ts";
import { withinRate } from "../flows/session/within-rate.ts";
import { keysFor, stillTaken } from "../keys/ring.ts";
import { isKeyRevoked } from "../sessions/revocation-snapshot.ts";
import { type ConsoleSession, type NewCookie, newCookie, readConsoleSession } from "./session-cookie.ts";

/**
 * Trades the credential that a request presents for the console's cookie. It has to hold as for any route of operators, with
 * the scope operator:read. Attempts that fail are counted by network, and further ones are refused `rate_limited`, which says
 * nothing of the credential. A good one is accepted whatever came before it.
 */
export async function signIn(request: SessionRequest, context: OperatorContext): Promise<Result<NewCookie, Refusal>> {
  const { refusedRateAddress } = context.settings;
  const policy = refusedRateAddress && { ...refusedRateAddress, name: "refused-console" };
  // The ring's own keys judge it, so a good one is never limited: neighbours cannot lock the operator out.
  const operator = await operatorBehind(request, "operator:read", context);
  if (!operator.ok) {
    if (operator.refusal.code === "store_unavailable") return operator;
    const counted = await withinRate(policy, networkName(request.client), request, context);
    return counted.ok ? operator : counted;
  }
  const snapshot = await revocationsNow(request, context);
  return snapshot.ok ? newCookie(operator.value, context.clock(), snapshot.value, context) : snapshot;
}

/**
 * Who is signed in, undefined where no cookie came. The cookie is no credential that lives by itself: each request looks again
 * whether the operator's token, his key and the key that made the cookie still stand, and whether he has signed out. What
 * {@link readConsoleSession} refuses, `token_revoked`, `sign_in_required`, `store_unavailable`.
 */
export async function whoIsSignedIn(
  cookies: string | null,
  request: SessionRequest,
  context: OperatorContext,
): Promise<Result<ConsoleSession | undefined, Refusal>> {
  const now = context.clock();
  const session = readConsoleSession(cookies, now, context);
  if (!session.ok || session.value === undefined) return session;
  const { operator, by, login } = session.value;
  if (!keysFor(context.ring, "operator").some((key) => key.kid === operator.kid && stillTaken(key, now)))
    return refusal("token_revoked", "the key that signed the operator's credential is not in the ring any more");
  const standing = await stillStands(operator, request, context);
  if (!standing.ok) return standing;
  const snapshot = await revocationsNow(request, context);
  if (!snapshot.ok) return snapshot;
  if (snapshot.value.entries.login.has(login))
    return refusal("sign_in_required", "the operator has signed out of this session of the console");
  // Who holds a leaked session key can make cookies with it.
  return isKeyRevoked(snapshot.value, by)
    ? refusal("token_revoked", "the session key that made the console's cookie was revoked")
    : session;
}

/**
 * Ends the session of a cookie: whoever has a copy of it is signed out as well, within two seconds. A cookie that is none is
 * nothing to end. `store_unavailable` where the log does not answer: then a copy would go on to its end.
 */
export async function signOut(cookies: string | null, context: OperatorContext): Promise<Result<undefined, Refusal>> {
  const at = context.clock();
  const session = readConsoleSession(cookies, at, context);
  if (!session.ok || session.value === undefined) return ok(undefined);
  const { login, endsAt } = session.value;
  const entry = { kind: "login", value: login, cause: "revoked", at, until: endsAt } as const;
  const added = await fromStore("the revocation log", context.log.append([entry], "operator"), context);
  return added.ok ? ok(undefined) : added;
}

/** Whether an operator may do this; `scope_insufficient`. */
export function hasScope({ credential }: Operator, scope: OperatorScope): Result<undefined, Refusal> {
  if (credential.scopes.has(scope)) return ok(undefined);
  return refuse({ code: "scope_insufficient", reason: `the operator lacks ${scope}`, scope });
}
