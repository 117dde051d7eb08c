import type { Refusal } from "../../base/refusal.ts";
import type { Result } from "../../base/result.ts";
import { playScope } from "../../catalog/asset.ts";
import { conditionsHold } from "../../policy/conditions.ts";
import { decide } from "../../policy/decide.ts";
import { forbiddenBy } from "../../sessions/revocation-snapshot.ts";
import { endedBecause } from "../ended-because.ts";
import { authorize } from "./authorize.ts";
import type { SessionContext, SessionRequest } from "./context.ts";
import { entitled } from "./entitled.ts";
import { type OpenedSession, openSession } from "./open-session.ts";
import { nothingForbids } from "./revocations-now.ts";

/**
 * `POST /stream/{id}/renew`: the same session with a fresh grant and manifest URL, for a device that takes over what plays
 * (AirPlay, a cast device) after the first URL has ended, and for a session that nears its end. It asks for all that a start
 * asks for: a bearer token that is good now is as much reason to go on as to begin. What a start refuses, and why the
 * session was ended, where it was.
 */
export async function renewSession(
  request: SessionRequest,
  context: SessionContext,
): Promise<Result<OpenedSession, Refusal>> {
  const now = context.clock();
  const own = await authorize(request, now, context);
  if (!own.ok) return own;
  const { credential, grant, assetId } = own.value;
  const catalog = await context.catalog();
  if (!catalog.ok) return catalog;
  const asset = decide(credential, assetId, catalog.value.asset(assetId), playScope);
  if (!asset.ok) return asset;
  const conditions = conditionsHold(asset.value, request, now);
  if (!conditions.ok) return conditions;
  const snapshot = await nothingForbids(credential, assetId, request, context);
  if (!snapshot.ok) return snapshot;
  const forbidding = forbiddenBy(snapshot.value, grant, assetId);
  if (forbidding !== undefined) return endedBecause(forbidding.cause);
  const allowed = await entitled(credential, assetId, request, context);
  if (!allowed.ok) return allowed;
  const opening = { sessionId: grant.sessionId, ...allowed.value, asset: asset.value, takeover: false };
  const { client, country } = request;
  return openSession({ ...opening, client, country, snapshot: snapshot.value }, now, context);
}
