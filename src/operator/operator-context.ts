import type { Refusal, Result } from "../base/result.ts";
import type { CatalogEditing } from "../catalog/edit-catalog.ts";
import type { Configuration } from "../config/configuration.ts";
import type { Gathered } from "../metrics/gathered.ts";
import type { RevocationSnapshot } from "../sessions/revocation-snapshot.ts";
import type { SessionContext } from "../sessions/session-context.ts";
import type { CloudFrontPublicKeys } from "../signing/cloudfront/verify-cloudfront.ts";

/**
 * The dependencies of operators' routes, in addition to those of sessions; made once per isolate. `ring` is the API's part of the
 * key ring and contains secrets: show only what `list-keys.ts` returns.
 */
export interface OperatorContext extends SessionContext, Pick<Configuration, "ring" | "originSecrets" | "renewal"> {
  readonly gathered: Gathered;
  readonly catalogEditing: CatalogEditing;
  /** CloudFront's public keys, for explanations. */
  readonly publicKeys: CloudFrontPublicKeys;
}

/**
 * The revocations, at most two seconds old. Unlike a viewer's request, an operator's waits for the refresh, so that operators
 * see the effect of their own last action. `store_unavailable`.
 */
export async function freshRevocations(
  context: Pick<SessionContext, "revocations">,
): Promise<Result<RevocationSnapshot, Refusal>> {
  const refreshes: Promise<unknown>[] = [];
  const current = await context.revocations.current((work) => void refreshes.push(work));
  // The refresh updates the snapshot in place.
  await Promise.all(refreshes);
  return current;
}
