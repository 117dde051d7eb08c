import { ok, type Refusal, type Result } from "../base/result.ts";
import { after, seconds, type UnixSeconds } from "../base/time.ts";
import type { Ending, RefusalsOfHour, SessionsAsked, SessionsNow } from "../metrics/gathered.ts";
import type { RevocationSnapshot } from "../sessions/revocation-snapshot.ts";
import { fromStore } from "../sessions/session-context.ts";
import { forbiddenNow, type OperatorContext } from "./operator-context.ts";

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

export interface RefusalsTold extends RefusalsOfHour {
  /** How many there were of each code in the whole hour. */
  readonly total: Readonly<Record<string, number>>;
}

/**
 * What was refused in the last hour by minute and code, and the last ones one by one. With a Request-Id, as a viewer reads it
 * off an answer, `recent` holds the one refusal of it, or nothing where it is not kept (any more); with the keyed hash of a viewer
 * all that are kept of his. `store_unavailable`.
 */
export async function refusalsOfHour(
  context: OperatorContext,
  wanted?: string,
): Promise<Result<RefusalsTold, Refusal>> {
  const gathered = await fromStore("what gathers the refusals", context.gathered.refusals(), context);
  if (!gathered.ok) return gathered;
  const { minutes, recent } = gathered.value;
  const total: Record<string, number> = {};
  for (const { counts } of minutes)
    for (const [code, count] of Object.entries(counts)) total[code] = (total[code] ?? 0) + count;
  const found =
    wanted === undefined ? recent : recent.filter((one) => isOf(one.request, wanted) || one.subject === wanted);
  return ok({ minutes, total, recent: found });
}

/** Cloudflare writes a Ray ID with the data centre behind it in some places, and without it in others. */
function isOf(request: string, asked: string): boolean {
  const [own = ""] = request.split("-", 1);
  return asked === request || asked === own;
}
