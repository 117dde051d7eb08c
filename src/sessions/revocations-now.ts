import { backendIssuer, type Credential } from "../auth/credential.ts";
import { ok, type Refusal, type Result, refusal } from "../base/result.ts";
import { loginDigest, subjectDigest, tokenDigest, tokenIssuerOf } from "./identifiers.ts";
import type { RevocationKind } from "./revocation.ts";
import { forbidsCredential, isKeyRevoked, type RevocationSnapshot } from "./revocation-snapshot.ts";
import type { SessionContext, SessionRequest } from "./session-context.ts";

/** `store_unavailable`: the revocation log does not answer. */
export type RevokedRefusal = Refusal<"token_revoked" | "store_unavailable">;

/**
 * The current revocations, if none of them forbids this credential. `pending` is the request to the log.
 */
export async function requireNotRevoked(
  credential: Pick<Credential, "issuer" | "subject" | "tokenId" | "loginId" | "issuedAt" | "backend">,
  pending: Promise<Result<RevocationSnapshot, Refusal<"store_unavailable">>>,
): Promise<Result<RevocationSnapshot, RevokedRefusal>> {
  const current = await pending;
  if (!current.ok || current.value.size === 0) return current;
  const { issuer, subject, tokenId, loginId, issuedAt, backend } = credential;
  const tokenIssuer = tokenIssuerOf(credential);
  const forbidding = forbidsCredential(current.value, {
    subject: subjectDigest(issuer, subject),
    token: tokenId === undefined ? undefined : tokenDigest(tokenIssuer, tokenId),
    login: loginId === undefined ? undefined : loginDigest(tokenIssuer, loginId),
    issuedAt,
  });
  if (forbidding !== undefined) return refusal("token_revoked", revokedReason(forbidding.kind, tokenIssuer));
  return backend !== undefined && isKeyRevoked(current.value, backend.kid)
    ? refusal("token_revoked", "the key that signed the backend's credential was revoked")
    : current;
}

/** The current revocations. The request to the log continues after an early response, for the next request. */
export function revocationsNow(
  { waitUntil }: Pick<SessionRequest, "waitUntil">,
  { revocations }: Pick<SessionContext, "revocations">,
): Promise<Result<RevocationSnapshot, Refusal<"store_unavailable">>> {
  const known = revocations.atHand(waitUntil);
  if (known !== undefined) return Promise.resolve(ok(known));
  const pending = revocations.current(waitUntil);
  waitUntil(pending);
  return pending;
}

function revokedReason(kind: RevocationKind, tokenIssuer: string): string {
  if (kind === "login" && tokenIssuer === backendIssuer) return "the backend was revoked";
  if (kind === "login") return "the viewer has signed out of the login that the credential came from";
  return kind === "subject" ? "its subject was revoked after the token had been issued" : "the token was revoked";
}
