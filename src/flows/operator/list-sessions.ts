import type { Refusal } from "../../base/refusal.ts";
import type { Result } from "../../base/result.ts";
import { after, seconds, type UnixSeconds } from "../../base/seconds.ts";
import type { RevocationSnapshot } from "../../sessions/revocation-snapshot.ts";
import type { Ending, SessionsAsked, SessionsNow } from "../../telemetry/gathered.ts";
import { fromStore } from "../session/store-failure.ts";
import type { OperatorContext } from "./context.ts";
import { forbiddenNow } from "./forbidden-now.ts";

/** How many sessions one answer lists at most, and how many where nobody says. */
export const mostListed = 500;
export const usuallyListed = 100;

/** No silent session is listed for longer than the longest lease that there may be, and some more. */
const longestListed = seconds(4_000);
/** How many of a kind of revocations are told to what gathers the sessions, the last ones. */
const mostTold = 50_000;

/**
 * The sessions that hold a lease, the last seen first, without those that were ended: a revocation leaves the list within two
 * seconds, and not when the lease is over. One that a revoked token, login or key had started does only then, as the list does
 * not know what a session came from. `store_unavailable` where what gathers them, or the log, does not answer.
 */
export async function listSessions(
  asked: Omit<SessionsAsked, "without">,
  context: OperatorContext,
): Promise<Result<SessionsNow, Refusal>> {
  const snapshot = await forbiddenNow(context);
  if (!snapshot.ok) return snapshot;
  const without = endedOfLate(snapshot.value, context.clock());
  return fromStore("what gathers the sessions", context.gathered.sessions({ ...asked, without }), context);
}

/** What was revoked of late: who was ended by what is older has been silent since, and is listed no more. */
function endedOfLate({ entries }: RevocationSnapshot, now: UnixSeconds): Ending {
  const lately = (kind: "session" | "asset" | "subject") =>
    [...entries[kind].values()].filter(({ at }) => now < after(at, longestListed)).slice(-mostTold);
  return {
    sessions: lately("session").map(({ value }) => value),
    assets: lately("asset").map(({ value }) => value),
    subjects: lately("subject").map(({ value, at }) => [value, at]),
  };
}
