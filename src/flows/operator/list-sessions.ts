import type { Refusal } from "../../base/refusal.ts";
import { ok, type Result } from "../../base/result.ts";
import type { RevocationSnapshot } from "../../sessions/revocation-snapshot.ts";
import type { LiveSession, SessionsAsked, SessionsNow } from "../../telemetry/gathered.ts";
import { fromStore } from "../session/store-failure.ts";
import type { OperatorContext } from "./context.ts";
import { forbiddenNow } from "./forbidden-now.ts";

/** How many sessions one answer lists at most, and how many where nobody says. */
export const mostListed = 500;
export const usuallyListed = 100;

/**
 * The sessions that hold a lease, the last seen first, without those that were ended: what was revoked leaves the list at once
 * and not when its lease is over. One that a revoked token, login or key had started does only then, as the list does not know
 * what a session came from. `store_unavailable` where what gathers them, or the log, does not answer.
 */
export async function listSessions(
  asked: SessionsAsked,
  context: OperatorContext,
): Promise<Result<SessionsNow, Refusal>> {
  const gathering = context.gathered.sessions({ ...asked, limit: mostListed });
  const [gathered, snapshot] = await Promise.all([
    fromStore("what gathers the sessions", gathering, context),
    forbiddenNow(context),
  ]);
  if (!gathered.ok) return gathered;
  if (!snapshot.ok) return snapshot;
  const running = gathered.value.sessions.filter((session) => !isEnded(session, snapshot.value));
  const ended = gathered.value.sessions.length - running.length;
  return ok({ count: gathered.value.count - ended, sessions: running.slice(0, asked.limit) });
}

/** Whether something forbids a session, as far as the list knows what it is. */
export function isEnded(
  { sessionId, assetId, subject, startedAt }: LiveSession,
  { entries }: RevocationSnapshot,
): boolean {
  const bySubject = entries.subject.get(subject);
  return (
    entries.session.has(sessionId) ||
    entries.asset.has(assetId) ||
    (bySubject !== undefined && startedAt <= bySubject.at)
  );
}
