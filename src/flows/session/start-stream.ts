import * as z from "zod";
import { encodeBase64url } from "../../base/base64url.ts";
import type { Refusal } from "../../base/refusal.ts";
import type { Result } from "../../base/result.ts";
import type { UnixSeconds } from "../../base/seconds.ts";
import { playScope } from "../../catalog/asset.ts";
import { conditionsHold } from "../../policy/conditions.ts";
import { decide } from "../../policy/decide.ts";
import { readBody } from "../read-body.ts";
import { withinAddressRate } from "./address-rate.ts";
import type { SessionContext, SessionRequest } from "./context.ts";
import { entitled } from "./entitled.ts";
import { lastingSubject } from "./lasting-names.ts";
import { type OpenedSession, openSession } from "./open-session.ts";
import { nothingForbids } from "./revocations-now.ts";
import { tellSeen } from "./subject-name.ts";
import { withinRate } from "./within-rate.ts";

export const startBodySchema = z.strictObject({
  asset: z.string().min(1).max(64).describe("The asset's id."),
  takeover: z
    .boolean()
    .default(false)
    .describe("Whether the viewer's oldest stream makes room where he runs as many as he may."),
});

/**
 * `POST /stream/start`, the whole story: a bearer token is verified, the policy decides whether it opens the asset, the
 * asset's own conditions hold, nothing forbids it, the operator's service agrees, the viewer has a place among his streams
 * left, and the answer is a playback session: a grant in a manifest URL that lives for minutes.
 */
export async function startStream(
  request: SessionRequest,
  context: SessionContext,
): Promise<Result<OpenedSession, Refusal>> {
  const now: UnixSeconds = context.clock();
  const { settings } = context;
  // A token that is judged here costs no quota, good or bad; a question to somebody else does.
  const credential = await request.credential.validate(() =>
    withinAddressRate(settings.startRateAddress, request, context),
  );
  if (!credential.ok) return credential;
  const { issuer, subject } = credential.value;
  const bySubject = await withinRate(settings.startRate, lastingSubject(issuer, subject), request, context);
  if (!bySubject.ok) return bySubject;
  const wanted = readBody(startBodySchema, request.body);
  if (!wanted.ok) return wanted;
  const catalog = await context.catalog();
  if (!catalog.ok) return catalog;
  const { asset: id, takeover } = wanted.value;
  const asset = decide(credential.value, id, catalog.value.asset(id), playScope);
  if (!asset.ok) return asset;
  const conditions = conditionsHold(asset.value, request, now);
  if (!conditions.ok) return conditions;
  const snapshot = await nothingForbids(credential.value, asset.value.id, request, context);
  if (!snapshot.ok) return snapshot;
  const allowed = await entitled(credential.value, asset.value.id, request, context);
  if (!allowed.ok) return allowed;
  const sessionId = encodeBase64url(context.random(16));
  const opening = { sessionId, ...allowed.value, asset: asset.value, takeover, country: request.country };
  const opened = await openSession({ ...opening, client: request.client, snapshot: snapshot.value }, now, context);
  if (opened.ok) tellSeen(credential.value, request, context);
  return opened;
}
