import * as z from "zod";
import type { CredentialRefusal } from "../auth/request-credential.ts";
import { encodeBase64url } from "../base/encoding.ts";
import { ok, type Refusal, type Refused, type Result, refuse } from "../base/result.ts";
import {
  type BackendRefusal,
  backendViewerSchema,
  type ViewerRequest,
  viewerOf,
  withMissingMember,
} from "./backend-viewer.ts";
import { type ClaimRefusal, streamsUnder } from "./claim-lease.ts";
import { viewerHashesNow } from "./identifiers.ts";
import { type OpenedSession, openSession } from "./open-session.ts";
import { readBody } from "./request-body.ts";
import { countStart, startQuota } from "./request-limits.ts";
import { type EndedRefusal, isEndedRefusal } from "./revocation-snapshot.ts";
import { revocationsNow } from "./revocations-now.ts";
import type { SessionContext, SessionRequest } from "./session-context.ts";
import { type StartCheckRefusal, startChecks } from "./start-checks.ts";

export const startBodySchema = z.strictObject({
  asset: z.string().min(1).max(64).describe("The asset's id."),
  takeover: z
    .boolean()
    .default(false)
    .describe("If the viewer is at the stream limit, end their oldest stream instead of failing."),
  viewer: backendViewerSchema
    .optional()
    .describe("With a backend's credential, and only then: the viewer that it starts the stream for."),
});

type StartRefusal = Refusal<
  (CredentialRefusal | BackendRefusal | StartCheckRefusal | ClaimRefusal)["code"] | "body_invalid"
>;

/**
 * `POST /stream/start`: verifies the credential, of a viewer or of a backend that names one, makes the
 * {@link startChecks}, claims a lease and returns a playback session: a grant in a manifest URL that is valid for
 * minutes.
 *
 * The claim comes last, after all other checks: one request to the lease object both counts the start and claims the
 * lease. If there is an entitlement service, the start is counted before the call, so that a viewer cannot flood it.
 * The revocation log is read while the credential is verified: a later revocation refuses the grant at the edge.
 */
export async function startStream(
  request: SessionRequest,
  context: SessionContext,
): Promise<Result<OpenedSession, StartRefusal>> {
  const body = readBody(startBodySchema, request.body, "body_invalid");
  const revocations = revocationsNow(request, context);
  const viewer = await viewerOf(request, body, context, revocations);
  if (!viewer.ok) return viewer;
  const opened = await startFor(viewer.value, body, context, revocations);
  return opened.ok ? opened : refuse(withMissingMember(opened.refusal, viewer.value));
}

async function startFor(
  { credential, request }: ViewerRequest,
  body: Result<z.output<typeof startBodySchema>, Refusal<"body_invalid">>,
  context: SessionContext,
  revocations: ReturnType<typeof revocationsNow>,
): Promise<Result<OpenedSession, StartRefusal>> {
  const now = context.clock();
  const { client, country } = request;
  const rate = startQuota(credential, request, now, context);
  if (!rate.ok) return rate;
  const quota = rate.value;
  if (!body.ok) return body;
  const { asset: assetId, takeover } = body.value;
  const isCountedFirst = context.entitlement !== undefined && quota !== undefined;
  const passed = await startChecks({ credential, assetId, request, now }, context, {
    revocations,
    beforeEntitlement: async ({ key }) =>
      isCountedFirst ? countStart(quota, streamsUnder(key, credential, context), now, context) : ok(undefined),
  });
  if (!passed.ok) return refuseStart(passed.refusal);
  const sessionId = encodeBase64url(context.random(16));
  const place = { sessionId, takeover, client, country, quota: isCountedFirst ? undefined : quota };
  const opened = await openSession({ ...passed.value, ...place }, now, context);
  const viewer = opened.ok ? viewerHashesNow(credential, client, context) : undefined;
  if (viewer !== undefined) context.telemetry({ event: "seen", ...viewer, country: country ?? "XX" });
  return opened.ok ? opened : refuseStart(opened.refusal);
}

/** Only a renewal can meet a session that has ended. */
function refuseStart(refusal: StartRefusal | EndedRefusal): Refused<StartRefusal> {
  if (isEndedRefusal(refusal)) throw new Error("a session that starts has ended");
  return refuse(refusal);
}
