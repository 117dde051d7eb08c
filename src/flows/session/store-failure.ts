import { type Refusal, refusal } from "../../base/refusal.ts";
import { ok, type Result } from "../../base/result.ts";

/**
 * What a store answers, or `store_unavailable` where it does not: our own failure, which no viewer's credential is at fault
 * for. `what` names it for the log.
 */
export async function fromStore<Answer>(what: string, asked: Promise<Answer>): Promise<Result<Answer, Refusal>> {
  try {
    return ok(await asked);
  } catch {
    return refusal("store_unavailable", `${what} did not answer`);
  }
}
