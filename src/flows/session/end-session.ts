import type { Refusal } from "../../base/refusal.ts";
import { ok, type Result } from "../../base/result.ts";
import { entryOfEnded } from "../../sessions/revocation.ts";
import { isKeyRevoked } from "../../sessions/revocation-snapshot.ts";
import { endedBecause } from "../ended-because.ts";
import { authorize } from "./authorize.ts";
import type { SessionContext, SessionRequest } from "./context.ts";
import { revocationsNow } from "./revocations-now.ts";
import { fromStore } from "./store-failure.ts";

/**
 * `DELETE /stream/{id}`: ends a viewer's own session, all its URLs within seconds, and gives back its place among his
 * streams. Ending one twice is no fault. What {@link authorize} refuses; `session_revoked` where its key was revoked, and
 * `store_unavailable`: then it may still run.
 */
export async function endSession(
  request: SessionRequest,
  context: SessionContext,
): Promise<Result<undefined, Refusal>> {
  const now = context.clock();
  const own = await authorize(request, now, context);
  if (!own.ok) return own;
  const { sessionId, subject, expiresAt, kid } = own.value.grant;
  const snapshot = await revocationsNow(request, context);
  if (!snapshot.ok) return snapshot;
  // Who holds a leaked key can write a grant of his own with another viewer's session id in it.
  if (isKeyRevoked(snapshot.value, kid)) return endedBecause("revoked");
  // The row comes first, as it outlasts the entry. A viewer who is told of a failure between the two may end it again.
  const ending = context.streams(subject).end({ sessionId, expiresAt, cause: "revoked", now });
  const ended = await fromStore("the viewer's streams", ending, context);
  if (!ended.ok) return ended;
  const entry = entryOfEnded(ended.value, "revoked", now);
  const added = await fromStore("the revocation log", context.log.append([entry], "viewer"), context);
  if (!added.ok) return added;
  context.telemetry({ event: "ended", sessionId });
  return ok(undefined);
}
