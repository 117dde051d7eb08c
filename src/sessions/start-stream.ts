import * as z from "zod";
import { conditionsHold, decide } from "../auth/access-policy.ts";
import { encodeBase64url } from "../base/encoding.ts";
import type { Refusal, Result } from "../base/result.ts";
import type { UnixSeconds } from "../base/time.ts";
import { playScope } from "../catalog/asset.ts";
import { countStart, startQuota, streamsUnder } from "./claim-lease.ts";
import { tellSeen } from "./identifiers.ts";
import { entitled, keyOf, type OpenedSession, openSession } from "./open-session.ts";
import { readBody } from "./request-body.ts";
import { withinAddressRate } from "./request-limits.ts";
import { nothingForbids, revocationsNow } from "./revocations-now.ts";
import type { SessionContext, SessionRequest } from "./session-context.ts";

export const startBodySchema = z.strictObject({
  asset: z.string().min(1).max(64).describe("The asset's id."),
  takeover: z
    .boolean()
    .default(false)
    .describe("Whether the viewer's oldest stream makes room where he runs as many as he may."),
});

/**
 * `POST /stream/start`, the whole story: a bearer token is verified, the policy decides whether it opens the asset, the
 * asset's own conditions hold, nothing forbids it, the operator's service agrees, the viewer has a place among their streams
 * left, and the answer is a playback session: a grant in a manifest URL that lives for minutes.
 *
 * The viewer's streams are asked last, after everything that can refuse, and one question counts the start and claims the
 * place. Only where the operator's service is asked the start is counted before, so that nobody floods it. The revocations are
 * asked for while the token is verified: what is revoked later forbids a grant of `now` at the edge.
 */
export async function startStream(
  request: SessionRequest,
  context: SessionContext,
): Promise<Result<OpenedSession, Refusal>> {
  const now: UnixSeconds = context.clock();
  const { settings } = context;
  const revocations = revocationsNow(request, context);
  // A token that is judged here costs no quota, good or bad; a question to somebody else does.
  const credential = await request.credential.validate(() =>
    withinAddressRate(settings.startRateAddress, request, context),
  );
  if (!credential.ok) return credential;
  const quota = startQuota(credential.value, request, now, context);
  if (!quota.ok) return quota;
  const wanted = readBody(startBodySchema, request.body);
  if (!wanted.ok) return wanted;
  const catalog = await context.catalog();
  if (!catalog.ok) return catalog;
  const { asset: id, takeover } = wanted.value;
  const asset = decide(credential.value, id, catalog.value.asset(id), playScope);
  if (!asset.ok) return asset;
  const conditions = conditionsHold(asset.value, request, now);
  if (!conditions.ok) return conditions;
  const snapshot = await nothingForbids(credential.value, asset.value.id, request, context, revocations);
  if (!snapshot.ok) return snapshot;
  const isCountedFirst = context.entitlement !== undefined && quota.value !== undefined;
  if (isCountedFirst) {
    const key = keyOf(snapshot.value, now, context);
    if (!key.ok) return key;
    const streams = streamsUnder(key.value, credential.value, context);
    const counted = await countStart(quota.value, streams, now, context);
    if (!counted.ok) return counted;
  }
  const allowed = await entitled(credential.value, asset.value.id, request, context);
  if (!allowed.ok) return allowed;
  const sessionId = encodeBase64url(context.random(16));
  const opening = { sessionId, ...allowed.value, asset: asset.value, takeover, country: request.country };
  const claimed = { snapshot: snapshot.value, quota: isCountedFirst ? undefined : quota.value };
  const opened = await openSession({ ...opening, client: request.client, ...claimed }, now, context);
  if (opened.ok) tellSeen(credential.value, request, context);
  return opened;
}
