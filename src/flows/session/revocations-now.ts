import { type Refusal, refusal } from "../../base/refusal.ts";
import { ok, type Result } from "../../base/result.ts";
import type { Credential } from "../../credential/credential.ts";
import type { RevocationKind } from "../../sessions/revocation.ts";
import { forbidsStart, type RevocationSnapshot } from "../../sessions/revocation-snapshot.ts";
import type { SessionContext, SessionRequest } from "./context.ts";
import { lastingSubject, lastingToken } from "./lasting-names.ts";

/**
 * What is forbidden now, where none of it forbids this credential, or this asset where one is asked for. `token_revoked`,
 * `asset_revoked`; `store_unavailable` where nobody knows.
 */
export async function nothingForbids(
  credential: Credential,
  assetId: string | undefined,
  request: SessionRequest,
  context: SessionContext,
): Promise<Result<RevocationSnapshot, Refusal>> {
  const current = await revocationsNow(request, context);
  if (!current.ok) return current;
  const { issuer, subject, tokenId, issuedAt } = credential;
  const forbidding = forbidsStart(current.value, {
    subject: await lastingSubject(issuer, subject),
    token: tokenId === undefined ? undefined : await lastingToken(issuer, tokenId),
    issuedAt,
    assetId: assetId ?? "",
  });
  return forbidding === undefined ? ok(current.value) : refuseFor(forbidding.kind);
}

/** What is forbidden now; `store_unavailable` where nobody knows. */
export function revocationsNow(
  { waitUntil }: SessionRequest,
  { revocations }: SessionContext,
): Promise<Result<RevocationSnapshot, Refusal>> {
  return revocations.current(waitUntil);
}

function refuseFor(kind: RevocationKind) {
  return kind === "asset"
    ? refusal("asset_revoked", "the asset was revoked")
    : refusal("token_revoked", `the ${kind} of the bearer token was revoked after the token had been issued`);
}
