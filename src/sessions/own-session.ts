import type { Credential } from "../auth/credential.ts";
import { equalInConstantTime } from "../base/crypto.ts";
import { ok, type Refusal, type RefusalCode, type Result, refusal } from "../base/result.ts";
import { rfc3339, type UnixSeconds } from "../base/time.ts";
import { type Grant, openGrant } from "../signing/grant.ts";
import { subjectHash } from "./identifiers.ts";
import { type OpenedSession, openSession } from "./open-session.ts";
import { addressNotSpent, withinAddressRate } from "./request-limits.ts";
import { entryOfEnded } from "./revocation.ts";
import { endedBecause, forbiddenBy, isKeyRevoked } from "./revocation-snapshot.ts";
import { revocationsNow } from "./revocations-now.ts";
import { fromStore, type SessionContext, type SessionRequest } from "./session-context.ts";
import { startChecks } from "./start-checks.ts";

/** A viewer's own session: their credential and their grant. */
interface OwnSession {
  readonly credential: Credential;
  readonly grant: Grant;
  readonly assetId: string;
}

/**
 * Who may look at a session, renew or end it: who holds a bearer token of the issuer and subject that it was started with,
 * and its grant. Every cache and log sees the id, so by itself it does nothing: without the grant it is
 * `session_unknown`, as if there were none, and with another viewer's token `session_forbidden`.
 *
 * The grant comes first, as it needs no question: somebody else may have to be asked about a credential, and for who has
 * no grant nobody is. The reason for its refusal is no secret: the media host gives the same one.
 */
async function authorize(
  request: SessionRequest,
  now: UnixSeconds,
  context: SessionContext,
): Promise<Result<OwnSession, Refusal>> {
  const presented = request.credential.read();
  if (!presented.ok) return presented;
  const opened = grantOf(request, now, context);
  if (!opened.ok) return opened;
  const grant = opened.value;
  const verified = await credentialOf(request, context);
  if (!verified.ok) return verified;
  const credential = verified.value;
  const key = context.keys.get(grant.kid);
  const subject = key === undefined ? "" : subjectHash(key, credential.issuer, credential.subject);
  if (!equalInConstantTime(subject, grant.subject))
    return refusal("session_forbidden", "the bearer token is of another issuer or subject than the session");
  return ok({ credential, grant, assetId: grant.prefix.slice(1, -1) });
}

/** The session's grant that came with the request, and that has not ended. */
function grantOf(
  { grant: text, id }: SessionRequest,
  now: UnixSeconds,
  { keys, settings }: SessionContext,
): Result<Grant, Refusal> {
  if (text === undefined) return refusal("session_unknown", "no grant came with the request");
  const opened = openGrant(text, keys, now);
  if (!opened.ok) return opened;
  if (opened.value.issuer !== settings.grantIssuer) return refusal("grant_invalid", "the grant is of another issuer");
  if (opened.value.sessionId !== id) return refusal("session_unknown", "the grant is of another session");
  if (now >= opened.value.expiresAt) return refusal("grant_expired", "the playback session has expired");
  return opened;
}

/** Refusals that a correct client never causes: it knows when its token expires, and our failures do not count. */
const countedCodes: readonly RefusalCode[] = ["token_invalid", "sign_in_required", "dpop_proof_invalid"];

/**
 * The credential of a client that holds a grant. Somebody else is asked about it only while few of those that the client's
 * address and network had asked about were refused (`rate_limited`): else one grant were enough to have a provider asked about
 * any number of made-up tokens. A credential that is judged here, or whose answer is kept, is never limited; a good one is not
 * counted.
 */
async function credentialOf(request: SessionRequest, context: SessionContext): Promise<Result<Credential, Refusal>> {
  const { refusedRateAddress: policy } = context.settings;
  let asked = false;
  const verified = await request.credential.validate(async () => {
    asked = true;
    return addressNotSpent(policy, request, context);
  });
  if (verified.ok || !asked || !countedCodes.includes(verified.refusal.code)) return verified;
  const counted = await withinAddressRate(policy, request, context);
  return counted.ok ? verified : counted;
}

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
  const passed = await startChecks({ credential, assetId, request, now }, context, {
    beforeEntitlement: (snapshot) => {
      const entry = forbiddenBy(snapshot, grant, assetId);
      return entry === undefined ? ok(undefined) : endedBecause(entry.cause);
    },
  });
  if (!passed.ok) return passed;
  const { client, country } = request;
  return openSession({ ...passed.value, sessionId: grant.sessionId, takeover: false, client, country }, now, context);
}

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

/** `GET /stream/{id}`: the state of a viewer's own session. What {@link authorize} refuses, and `store_unavailable`. */
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

/**
 * `DELETE /stream/{id}`: ends a viewer's own session, all its URLs within seconds, and frees its place among their
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
  // A leaked key can sign a grant with another viewer's session id.
  if (isKeyRevoked(snapshot.value, kid)) return endedBecause("revoked");
  // The row comes first, as it outlasts the entry. After a failure between the two, the viewer can end it again.
  const ending = context.streams(subject).end({ sessionId, expiresAt, cause: "revoked", now });
  const ended = await fromStore("the viewer's streams", ending, context);
  if (!ended.ok) return ended;
  const entry = entryOfEnded(ended.value, "revoked", now);
  const added = await fromStore("the revocation log", context.log.append([entry], "viewer"), context);
  if (!added.ok) return added;
  context.telemetry({ event: "ended", sessionId });
  return ok(undefined);
}
