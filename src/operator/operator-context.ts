import type { Refusal, Result } from "../base/result.ts";
import type { CatalogEditing } from "../catalog/edit-catalog.ts";
import type { OriginSecrets } from "../catalog/origin-secrets.ts";
import type { KeyRing } from "../keys/ring.ts";
import type { Gathered } from "../metrics/gathered.ts";
import type { RevocationSnapshot } from "../sessions/revocation-snapshot.ts";
import type { SessionContext } from "../sessions/session-context.ts";
import type { CloudFrontPublicKeys } from "../signing/cloudfront/verify-cloudfront.ts";

/** What operators' flows work with beside what sessions do, made once an isolate. */
export interface OperatorContext extends SessionContext {
  readonly gathered: Gathered;
  readonly catalogEditing: CatalogEditing;
  /** The API's own part of the ring. It holds session keys, so nothing but what `keys-now.ts` makes of it is shown. */
  readonly ring: KeyRing;
  /** The public halves of CloudFront's keys, for explanations. */
  readonly publicKeys: CloudFrontPublicKeys;
  /** To which hosts each secret of an origin may be sent, and how. */
  readonly originSecrets: OriginSecrets;
  /** As STAGEDOOR_RENEWAL. */
  readonly renewal: "redirect" | "off";
}

/**
 * What is forbidden, as it was known two seconds ago at the latest: where a younger snapshot is to be fetched an operator waits
 * for it, since he wants to see what he has just done. `store_unavailable` where nobody knows.
 */
export async function forbiddenNow(
  context: Pick<SessionContext, "revocations">,
): Promise<Result<RevocationSnapshot, Refusal>> {
  const behind: Promise<unknown>[] = [];
  const current = await context.revocations.current((work) => void behind.push(work));
  // The snapshot changes in place.
  await Promise.all(behind);
  return current;
}
