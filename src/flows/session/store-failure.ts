import { inTime } from "../../base/deadline.ts";
import { type Refusal, refusal } from "../../base/refusal.ts";
import { ok, type Result } from "../../base/result.ts";
import { seconds } from "../../base/seconds.ts";
import type { SessionContext } from "./context.ts";

/** How long a viewer waits for a store. */
const patience = seconds(5);

/**
 * What a store answers, or `store_unavailable` where it does not in time: our own failure, which no viewer's credential is
 * at fault for. `what` names it for the log.
 */
export async function fromStore<Answer>(
  what: string,
  asked: Promise<Answer>,
  { timer }: Pick<SessionContext, "timer">,
): Promise<Result<Answer, Refusal>> {
  try {
    const answer = await inTime(asked, patience, timer);
    if (answer !== "late") return ok(answer);
  } catch {
    // It failed, which is as good as no answer.
  }
  return refusal("store_unavailable", `${what} did not answer`);
}
