import type { Credential } from "../auth/credential.ts";
import { ok, type Refusal, type Result, refusal } from "../base/result.ts";
import { loginDigest, subjectDigest, tokenDigest } from "./identifiers.ts";
import type { RevocationKind } from "./revocation.ts";
import { forbidsStart, type RevocationSnapshot } from "./revocation-snapshot.ts";
import type { SessionContext, SessionRequest } from "./session-context.ts";

/**
 * The current revocations, if none of them forbids this credential or, if given, this asset. `token_revoked`,
 * `asset_revoked`; `store_unavailable` if the log does not answer. `pending` is the request to the log.
 */
export async function nothingForbids(
  credential: Credential,
  assetId: string | undefined,
  pending: Promise<Result<RevocationSnapshot, Refusal>>,
): Promise<Result<RevocationSnapshot, Refusal>> {
  const current = await pending;
  if (!current.ok || current.value.size === 0) return current;
  const { issuer, subject, tokenId, loginId, issuedAt } = credential;
  const forbidding = forbidsStart(current.value, {
    subject: subjectDigest(issuer, subject),
    token: tokenId === undefined ? undefined : tokenDigest(issuer, tokenId),
    login: loginId === undefined ? undefined : loginDigest(issuer, loginId),
    issuedAt,
    assetId: assetId ?? "",
  });
  return forbidding === undefined ? ok(current.value) : refuseFor(forbidding.kind);
}

/**
 * The current revocations; `store_unavailable` if the log does not answer. The request to the log continues after an
 * early response, for the next request.
 */
export function revocationsNow(
  { waitUntil }: Pick<SessionRequest, "waitUntil">,
  { revocations }: Pick<SessionContext, "revocations">,
): Promise<Result<RevocationSnapshot, Refusal>> {
  const known = revocations.atHand(waitUntil);
  if (known !== undefined) return Promise.resolve(ok(known));
  const pending = revocations.current(waitUntil);
  waitUntil(pending);
  return pending;
}

function refuseFor(kind: RevocationKind) {
  switch (kind) {
    case "asset":
      return refusal("asset_revoked", "the asset was revoked");
    case "login":
      return refusal("token_revoked", "the viewer has signed out of the login that the credential came from");
    default:
      return refusal(
        "token_revoked",
        kind === "subject" ? "its subject was revoked after the token had been issued" : "the token was revoked",
      );
  }
}
