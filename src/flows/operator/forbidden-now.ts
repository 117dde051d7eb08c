import type { Refusal } from "../../base/refusal.ts";
import type { Result } from "../../base/result.ts";
import type { RevocationSnapshot } from "../../sessions/revocation-snapshot.ts";
import type { SessionContext } from "../session/context.ts";

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
