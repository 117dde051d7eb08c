import type { Refusal } from "../../base/refusal.ts";
import { ok, type Result } from "../../base/result.ts";
import { rfc3339 } from "../../base/seconds.ts";
import { forbiddenBy } from "../../sessions/revocation-snapshot.ts";
import { authorize } from "./authorize.ts";
import type { SessionContext, SessionRequest } from "./context.ts";
import { revocationsNow } from "./revocations-now.ts";
import { fromStore } from "./store-failure.ts";

export interface ShownSession {
  readonly sessionId: string;
  readonly asset: string;
  /** running: it holds a lease. idle: it was silent for longer. The others were ended before their time. */
  readonly state: "running" | "idle" | "revoked" | "taken" | "shared";
  /** RFC 3339 in UTC, all of them. */
  readonly startedAt: string;
  readonly lastSeenAt?: string;
  readonly sessionExpiresAt: string;
  /** In how many networks it is alive now. */
  readonly networks?: number;
}

/** `GET /stream/{id}`: how a viewer's own session stands. What {@link authorize} refuses, and `store_unavailable`. */
export async function showSession(
  request: SessionRequest,
  context: SessionContext,
): Promise<Result<ShownSession, Refusal>> {
  const now = context.clock();
  const own = await authorize(request, now, context);
  if (!own.ok) return own;
  const { grant, assetId } = own.value;
  const snapshot = await revocationsNow(request, context);
  if (!snapshot.ok) return snapshot;
  const known = await fromStore(
    "the viewer's streams",
    context.streams(grant.subject).show(grant.sessionId, now),
    context,
  );
  if (!known.ok) return known;
  const stream = known.value;
  const ended = forbiddenBy(snapshot.value, grant, assetId)?.cause ?? stream?.ended;
  const running = stream !== undefined && now < stream.leaseUntil;
  return ok({
    sessionId: grant.sessionId,
    asset: assetId,
    state: ended ?? (running ? "running" : "idle"),
    startedAt: rfc3339(stream?.startedAt || grant.issuedAt),
    ...(stream !== undefined && stream.seenAt > 0 && { lastSeenAt: rfc3339(stream.seenAt), networks: stream.networks }),
    sessionExpiresAt: rfc3339(stream?.expiresAt ?? grant.expiresAt),
  });
}
