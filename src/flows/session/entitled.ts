import { type Refusal, refusal } from "../../base/refusal.ts";
import { ok, type Result } from "../../base/result.ts";
import type { UnixSeconds } from "../../base/seconds.ts";
import type { Credential } from "../../credential/credential.ts";
import type { SessionContext, SessionRequest } from "./context.ts";

/** What the operator's own decision leaves of a credential. */
export interface EntitledCredential {
  /** With the number of streams that the service named, where it named one. */
  readonly credential: Credential;
  /** When the session ends at the latest, where the service said so. */
  readonly until: UnixSeconds | undefined;
}

/**
 * Asks the operator's service, where there is one, whether this viewer may play this asset: last of all, so that it hears
 * neither of whom the credential, the asset's conditions or a revocation refuses. `entitlement_refused`, also where what it
 * allows has ended; `store_unavailable` where it gave no answer that is understood, whatever STAGEDOOR_STORE_FAILURE says.
 */
export async function entitled(
  credential: Credential,
  assetId: string,
  { client, country }: Pick<SessionRequest, "client" | "country">,
  { entitlement, clock }: Pick<SessionContext, "entitlement" | "clock">,
): Promise<Result<EntitledCredential, Refusal>> {
  if (entitlement === undefined) return ok({ credential, until: undefined });
  const { issuer, subject } = credential;
  const answer = await entitlement({ issuer, subject, asset: assetId, address: client.address, country });
  if (!answer.ok) return answer;
  const { streams = credential.streams, until } = answer.value;
  if (until !== undefined && until <= clock())
    return refusal("entitlement_refused", "what the entitlement service allows has ended");
  return ok({ credential: { ...credential, streams }, until });
}
