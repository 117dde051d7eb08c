import * as z from "zod";
import type { Credential } from "../auth/credential.ts";
import type { CredentialRefusal } from "../auth/request-credential.ts";
import { filesTtl, maxSessionTtl } from "../base/constants.ts";
import { equalInConstantTime } from "../base/crypto.ts";
import { ok, type Refusal, type RefusalCode, type Result, refusal, refuse } from "../base/result.ts";
import { after, between, later, rfc3339, seconds, type UnixSeconds } from "../base/time.ts";
import { signingKey } from "../keys/ring.ts";
import { type Grant, openGrant } from "../signing/grant.ts";
import { type BackendSessionRefusal, sessionByBody, sessionByHeader } from "./backend-session.ts";
import { backendTokenOf, namesViewer, type ViewerRequest, withMissingMember } from "./backend-viewer.ts";
import { type ClaimRefusal, streamsUnder } from "./claim-lease.ts";
import { subjectHash } from "./identifiers.ts";
import type { StreamState } from "./lease.ts";
import { type OpenedSession, openSession } from "./open-session.ts";
import { readBody } from "./request-body.ts";
import { addressNotSpent, withinAddressRate } from "./request-limits.ts";
import { clockSkew, entryOfEnded, type Revocable } from "./revocation.ts";
import { type EndedRefusal, endedBecause, forbiddenBy, isKeyRevoked } from "./revocation-snapshot.ts";
import { revocationsNow } from "./revocations-now.ts";
import { fromStore, type SessionContext, type SessionRequest } from "./session-context.ts";
import { type StartCheckRefusal, startChecks } from "./start-checks.ts";

/** A viewer's own session by its grant, or one that a backend started. */
interface OwnSession extends ViewerRequest {
  readonly session: Revocable & { readonly expiresAt: UnixSeconds };
  readonly assetId: string;
  /** The row of a session that a backend started, which is found by it. */
  readonly stream?: StreamState;
}

type OwnSessionRefusal = Refusal<
  (CredentialRefusal | GrantRefusal | BackendSessionRefusal)["code"] | "session_forbidden"
>;

/**
 * Reading, renewing or ending a session needs its grant and a bearer token of the issuer and subject that started it.
 * The id alone is not enough, since every cache and log sees it: without the grant the response is `session_unknown`,
 * as for an id that does not exist, and with another viewer's token `session_forbidden`.
 *
 * The grant is checked first, without I/O: a credential may need a call to an external service, which a caller without
 * a grant cannot trigger. The refusal of a grant is no secret: the media host gives the same one.
 *
 * A backend needs no grant: it names the viewer, and `byBackend` finds the session that it started.
 */
async function authorize(
  request: SessionRequest,
  now: UnixSeconds,
  context: SessionContext,
  byBackend: typeof sessionByHeader = sessionByHeader,
): Promise<Result<OwnSession, OwnSessionRefusal>> {
  const backendToken = backendTokenOf(request);
  if (backendToken !== undefined) return byBackend(backendToken, request, context);
  const presented = request.credential.read();
  if (!presented.ok) return presented;
  const opened = grantOf(request, now, context);
  if (!opened.ok) return opened;
  const grant = opened.value;
  const verified = await credentialOf(request, context);
  if (!verified.ok) return verified;
  const credential = verified.value;
  const key = context.keys.get(grant.kid);
  // CloudFront's own keys name no viewer: the key that did may have rotated since the start.
  const named = key === undefined ? [...context.keys.values()] : [key];
  const isOwn = named.filter((by) =>
    equalInConstantTime(subjectHash(by, credential.issuer, credential.subject), grant.subject),
  );
  if (isOwn.length === 0)
    return refusal("session_forbidden", "the bearer token is of another issuer or subject than the session");
  if (key === undefined) {
    const catalog = await context.catalog();
    if (!catalog.ok) return refusal("store_unavailable", catalog.refusal.reason);
    if (catalog.value.assetOfPath(grant.prefix)?.cdn !== "cloudfront")
      return refusal("key_unknown", "the grant's key is accepted for assets at CloudFront only");
  }
  return ok({ credential, request, session: grant, assetId: grant.prefix.slice(1, -1) });
}

type GrantRefusal = Refusal<"session_unknown" | "grant_invalid" | "grant_expired" | "key_unknown">;

const grantHeader = "CTA-Common-Access-Token";

/** The unexpired grant of the session, from the request. */
function grantOf(
  { grant: text, id }: SessionRequest,
  now: UnixSeconds,
  { keys, edgeKeys = new Map(), settings }: SessionContext,
): Result<Grant, GrantRefusal> {
  if (text === undefined)
    return refusal(
      "session_unknown",
      "no grant came with the request",
      `${grantHeader}: Send the grant of the session's start in this header.`,
    );
  const usual = openGrant(text, keys, now);
  const opened = !usual.ok && usual.refusal.code === "key_unknown" ? openGrant(text, edgeKeys, now) : usual;
  if (!opened.ok) return opened;
  if (opened.value.issuer !== settings.grantIssuer) return refusal("grant_invalid", "the grant is of another issuer");
  // It holds no lease: renewed, it would become a stream that was never counted.
  if (opened.value.use === "files")
    return refusal(
      "session_unknown",
      "the grant is for files",
      `${grantHeader}: Send the grant of a stream. A grant of POST /files has no session routes: request the files again.`,
    );
  if (opened.value.sessionId !== id)
    return refusal(
      "session_unknown",
      "the grant is of another session",
      `${grantHeader}: Send the grant of the session in the path. This one is of another session.`,
    );
  if (now >= opened.value.expiresAt) return refusal("grant_expired", "the playback session has expired");
  return opened;
}

/** Refusals that a correct client never causes: it knows when its token expires. Server failures do not count. */
const countedCodes: readonly RefusalCode[] = ["token_invalid", "sign_in_required", "dpop_proof_invalid"];

/**
 * The credential of a client with a valid grant. An external check is limited by how many credentials of this address
 * and network were refused: otherwise an attacker with one grant could send a provider any number of made-up tokens.
 * Only refused external checks count; local and cached checks are never limited.
 */
async function credentialOf(
  request: SessionRequest,
  context: SessionContext,
): Promise<Result<Credential, CredentialRefusal>> {
  const { refusedRateAddress: policy } = context.settings;
  let calledService = false;
  const verified = await request.credential.validate(async () => {
    calledService = true;
    return addressNotSpent(policy, request, context);
  });
  if (verified.ok || !calledService || !countedCodes.includes(verified.refusal.code)) return verified;
  const counted = await withinAddressRate(policy, request, context);
  return counted.ok ? verified : counted;
}

type RenewalRefusal = Refusal<(OwnSessionRefusal | StartCheckRefusal | ClaimRefusal | EndedRefusal)["code"]>;

/**
 * `POST /stream/{id}/renew`: the same session with a new grant and manifest URL, for a device that takes over playback
 * (AirPlay, a cast device) after the first URL has expired, and for a session that is about to expire. It makes all
 * checks of a start. `session_forbidden`: a backend of the viewer's issuer started it, so only that backend renews it.
 */
export async function renewSession(
  request: SessionRequest,
  context: SessionContext,
): Promise<Result<OpenedSession, RenewalRefusal>> {
  const now = context.clock();
  const own = await authorize(request, now, context, sessionByBody);
  if (!own.ok) return own;
  const body = readOwnBody(request);
  if (!body.ok) return body;
  const { session, credential } = own.value;
  const { client, country } = own.value.request;
  // Its new grant and row would be the viewer's: revoking the backend would not end it, and the backend could not.
  if (session.signer !== undefined && credential.backend === undefined) return ofBackend;
  const passed = await startChecks({ ...own.value, now, renewed: session }, context);
  if (!passed.ok) return refuse(withMissingMember(passed.refusal, own.value));
  return openSession({ ...passed.value, sessionId: session.sessionId, takeover: false, client, country }, now, context);
}

const viewersRenewal = z.strictObject({ viewer: z.unknown().optional() });

/** A viewer's renewal has no body: a viewer in it, or another member, would be ignored silently. A backend's is read already. */
function readOwnBody(request: SessionRequest): Result<undefined, Refusal<"body_invalid">> {
  if (backendTokenOf(request) !== undefined || request.body.trim() === "") return ok(undefined);
  const body = readBody(viewersRenewal, request.body, "body_invalid");
  if (!body.ok) return body;
  return body.value.viewer === undefined ? ok(undefined) : namesViewer;
}

const ofBackend = refusal(
  "session_forbidden",
  "a backend started the session, so its viewer's own token does not renew it",
  "Authorization: Ask the backend to renew the session, or start a stream with this token.",
);

export interface ShownSession {
  readonly sessionId: string;
  readonly asset: string;
  /** running: it has a lease. idle: its lease has lapsed. The other states are early ends. */
  readonly state: "running" | "idle" | "revoked" | "taken" | "shared";
  /** All times are RFC 3339 in UTC. */
  readonly startedAt: string;
  readonly lastSeenAt?: string;
  readonly sessionExpiresAt: string;
  /** The number of networks in which it is alive now. */
  readonly networks?: number;
}

/** `GET /stream/{id}`: the state of a viewer's own session. */
export async function showSession(
  request: SessionRequest,
  context: SessionContext,
): Promise<Result<ShownSession, OwnSessionRefusal>> {
  const now = context.clock();
  const own = await authorize(request, now, context);
  if (!own.ok) return own;
  const { session, assetId } = own.value;
  const { sessionId } = session;
  const snapshot = await revocationsNow(request, context);
  if (!snapshot.ok) return snapshot;
  const known =
    own.value.stream === undefined
      ? await fromStore("the viewer's streams", context.streams(session.subject).show(sessionId, now), context)
      : ok(own.value.stream);
  if (!known.ok) return known;
  const stream = known.value;
  const ended = forbiddenBy(snapshot.value, session, assetId)?.cause ?? stream?.ended;
  const running = stream !== undefined && now < stream.leaseUntil;
  return ok({
    sessionId,
    asset: assetId,
    state: ended ?? (running ? "running" : "idle"),
    startedAt: rfc3339(stream?.startedAt || session.issuedAt),
    ...(stream !== undefined && stream.seenAt > 0 && { lastSeenAt: rfc3339(stream.seenAt), networks: stream.networks }),
    sessionExpiresAt: rfc3339(stream?.expiresAt ?? session.expiresAt),
  });
}

/**
 * `DELETE /stream/{id}`: ends a viewer's own session. Its URLs stop working within seconds, and its lease no longer
 * counts. Idempotent. After `store_unavailable` the session may still run. `session_revoked`: its key was revoked.
 */
export async function endSession(
  request: SessionRequest,
  context: SessionContext,
): Promise<Result<undefined, Refusal<OwnSessionRefusal["code"] | "session_revoked">>> {
  const now = context.clock();
  const own = await authorize(request, now, context);
  if (!own.ok) return own;
  const { sessionId, subject, expiresAt, kid } = own.value.session;
  const snapshot = await revocationsNow(request, context);
  if (!snapshot.ok) return snapshot;
  // A leaked key can sign a grant with another viewer's session id.
  if (isKeyRevoked(snapshot.value, kid)) return endedBecause("revoked");
  // The row first, since it outlasts the log entry. After a failure between the two, the viewer can retry.
  const ending = context.streams(subject).end({ sessionId, expiresAt, cause: "revoked", now });
  const ended = await fromStore("the viewer's streams", ending, context);
  if (!ended.ok) return ended;
  const entry = entryOfEnded(ended.value, "revoked", now, subject);
  const added = await fromStore("the revocation log", context.log.append([entry], "viewer"), context);
  if (!added.ok) return added;
  context.telemetry({ event: "ended", sessionId, why: "left" });
  return ok(undefined);
}

/** A login that the identity worker has ended, and when its last access token expires. */
export interface SignedOut {
  readonly userId: string;
  readonly login: string;
  readonly tokensUntil: UnixSeconds;
}

/**
 * Ends the rows of a login's sessions after a sign-out. After that the entry in the revocation log, which first lasts
 * as long as the longest session, only needs to outlast the login's access tokens and a lease, and the grants of
 * `POST /files`, which have no rows. False if a store did not answer: the entry stays unchanged.
 */
export async function endLogin({ userId, login, tokensUntil }: SignedOut, context: SessionContext): Promise<boolean> {
  const { clock, keys, log, identity } = context;
  const now = clock();
  const key = signingKey([...keys.values()], now);
  if (key === undefined || identity === undefined) return false;
  const streams = streamsUnder(key, { issuer: identity.issuer, subject: userId }, context);
  const ending = { login, now, until: after(tokensUntil, maxSessionTtl) };
  const ended = await fromStore("the viewer's streams", streams.endLogin(ending), context);
  if (!ended.ok) return false;
  const { complete, leaseUntil } = ended.value;
  if (!complete) return true;
  const lease = between(now, leaseUntil);
  const skew = 2 * clockSkew;
  const until = later(after(tokensUntil, seconds(lease + skew)), after(now, seconds(filesTtl + skew)));
  const shortened = await fromStore("the revocation log", log.shorten("login", login, until), context);
  return shortened.ok;
}
