import { backendIssuer, type Credential } from "../auth/credential.ts";
import type { RateRefusal } from "../auth/rate-limit.ts";
import { ok, type Refusal, type Refused, type Result, refusal, refuse } from "../base/result.ts";
import type { UnixSeconds } from "../base/time.ts";
import type { Asset } from "../catalog/asset.ts";
import { isServedIn, modeOf } from "../catalog/enforcement.ts";
import { signedBefore } from "../keys/ring.ts";
import type { PreparedSessionKey } from "../signing/session-keys.ts";
import type { Client } from "./client-network.ts";
import { loginDigest, networkName, subjectDigest, subjectHash, tokenDigest, tokenIssuerOf } from "./identifiers.ts";
import type { ClaimAnswer, EndedStream, LeaseClaim, RunningStream, StartedBy, SubjectStreams } from "./lease.ts";
import { overQuota, type StartQuota } from "./request-limits.ts";
import { entryOfEnded, type Revocation } from "./revocation.ts";
import { type EndedRefusal, endedBecause, type RevocationSnapshot } from "./revocation-snapshot.ts";
import { fromStore, type SessionContext } from "./session-context.ts";

/** A claim for one of the viewer's streams. */
export interface Claiming {
  readonly sessionId: string;
  readonly credential: Credential;
  readonly asset: Asset;
  readonly takeover: boolean;
  readonly client: Client;
  readonly snapshot: RevocationSnapshot;
  /** The quota that counts the claim; undefined for a renewal and for a start that {@link countStart} has counted. */
  readonly quota?: StartQuota | undefined;
}

/**
 * `token_revoked`: the viewer has signed out. `store_unavailable`: a store failed, and `storeFailure` is "closed". A
 * session that was ended refuses with {@link EndedRefusal} in addition, which only a renewal can meet.
 */
export type ClaimRefusal = Refusal<RateRefusal["code"] | "stream_limit" | "start_rate_exceeded" | "token_revoked">;

/**
 * Claims a lease among the viewer's streams, under the key that signs the next grant. The revocation log gets the
 * sessions that a takeover ends before the new session starts.
 */
export async function claimLease(
  claiming: Claiming,
  key: PreparedSessionKey,
  now: UnixSeconds,
  expiresAt: UnixSeconds,
  context: SessionContext,
): Promise<Result<undefined, ClaimRefusal | EndedRefusal>> {
  const { credential, asset, sessionId, takeover, quota } = claiming;
  const network = networkName(claiming.client.address);
  const { settings } = context;
  const { streams, limit } = placeOf(claiming, key, context);
  const { loginId } = credential;
  const login = loginId === undefined ? undefined : loginDigest(tokenIssuerOf(credential), loginId);
  const startedBy = startedByOf(credential);
  const rate = quota?.policy;
  const claim = { sessionId, assetId: asset.id, login, startedBy, now, expiresAt, limit, takeover, network, rate };
  const answer = await fromStore("the viewer's streams", claimAsEnforced(claim, claiming, streams, context), context);
  if (!answer.ok) return withoutStore(answer, context);
  if (answer.value.standing !== undefined) quota?.counted(answer.value.standing);
  switch (answer.value.status) {
    case "limited": {
      const { running } = answer.value;
      return refuse({
        code: "stream_limit",
        reason: `${running.length} streams run, which is the viewer's limit`,
        running,
      });
    }
    case "quota_exceeded":
      return overQuota(answer.value.standing, context);
    case "throttled": {
      const { retryAfter } = answer.value;
      return refuse({ code: "start_rate_exceeded", reason: "the viewer starts streams too fast", retryAfter });
    }
    case "signed_out":
      return signedOut;
    case "ended":
      return endedBecause(answer.value.cause);
    case "granted": {
      const logged = await tellOfTaken(
        answer.value.taken,
        subjectHash(key, credential.issuer, credential.subject),
        now,
        context,
      );
      if (logged.ok) return ok(undefined);
      // The caller gets no session, so its lease must not fill the viewer's limit.
      if (settings.storeFailure === "closed")
        await fromStore("the viewer's streams", streams.end({ sessionId, expiresAt, cause: "revoked", now }), context);
      return withoutStore(logged, context);
    }
  }
}

function startedByOf({ backend, tokenId }: Credential): StartedBy | undefined {
  if (backend === undefined || tokenId === undefined) return undefined;
  return { token: tokenDigest(backendIssuer, tokenId), signer: backend.kid };
}

export const signedOut = refusal(
  "token_revoked",
  "the viewer has signed out of the login that the credential came from",
);

/** The viewer's streams under the key of the next grant, and their stream limit. */
export function placeOf(
  { credential, asset }: Pick<Claiming, "credential" | "asset">,
  key: PreparedSessionKey,
  context: Pick<SessionContext, "keys" | "streams" | "settings">,
): { readonly streams: SubjectStreams; readonly limit: number | undefined } {
  const limit = credential.streams ?? asset.streams ?? context.settings.streamLimit;
  return { streams: streamsUnder(key, credential, context), limit };
}

/** The viewer's streams under one key, including the streams under older keys. */
export function streamsUnder(
  key: PreparedSessionKey,
  { issuer, subject }: Pick<Credential, "issuer" | "subject">,
  { keys, streams }: Pick<SessionContext, "keys" | "streams">,
): SubjectStreams {
  const named = (by: PreparedSessionKey) => subjectHash(by, issuer, subject);
  const older = [...keys.values()].filter((other) => signedBefore(other, key)).map(named);
  return streams(named(key), older);
}

/** Claims a lease; at the limit also beyond it, if the asset's mode does not enforce it. */
async function claimAsEnforced(
  claim: LeaseClaim,
  claiming: Claiming,
  streams: SubjectStreams,
  context: SessionContext,
): Promise<ClaimAnswer> {
  const answer = await claimPlace(claim, claiming, streams, context);
  const { mode } = modeOf(claiming.asset, context.settings.enforcement, claim.now);
  if (answer.status !== "limited" || !isServedIn(mode, "stream_limit")) return answer;
  const reason = `${answer.running.length} streams run, which is the viewer's limit`;
  context.onObserved?.({ code: "stream_limit", reason }, { asset: claiming.asset.id });
  return claimUncounted({ ...claim, limit: undefined }, answer, streams);
}

/** Claims again after a claim that was counted. */
async function claimUncounted(claim: LeaseClaim, { standing }: ClaimAnswer, streams: SubjectStreams) {
  const again = await streams.claim({ ...claim, rate: undefined });
  return again.status === "quota_exceeded" ? again : { ...again, standing };
}

/**
 * Claims a lease. At the limit it first ends running sessions that were revoked, then claims again: the lease of a
 * revoked session lasts for up to a lease time, and a viewer whose stream was ended must be able to start the next one.
 */
async function claimPlace(
  claim: LeaseClaim,
  claiming: Claiming,
  streams: SubjectStreams,
  { telemetry }: SessionContext,
): Promise<ClaimAnswer> {
  const answer = await streams.claim(claim);
  if (answer.status !== "limited") return answer;
  const forbidden = forbiddenAmong(answer.running, claiming);
  if (forbidden.size === 0) return answer;
  const { now } = claim;
  const endings = [...forbidden].map(([{ sessionId }, { cause }]) => ({ sessionId, expiresAt: now, cause, now }));
  await Promise.all(endings.map((ending) => streams.end(ending)));
  for (const { sessionId } of forbidden.keys()) telemetry({ event: "ended", sessionId, why: "revoked" });
  return claimUncounted(claim, answer, streams);
}

/** The viewer's running streams that are revoked, each with its revocation. */
export function forbiddenAmong(
  running: readonly RunningStream[],
  { credential, snapshot }: Pick<Claiming, "credential" | "snapshot">,
): ReadonlyMap<RunningStream, Revocation> {
  const { session, subject, asset, login: logins, token, key } = snapshot.entries;
  const bySubject = subject.get(subjectDigest(credential.issuer, credential.subject));
  const forbidden = new Map<RunningStream, Revocation>();
  for (const stream of running) {
    const { sessionId, assetId, login, startedBy, startedAt } = stream;
    const throughSubject = bySubject !== undefined && startedAt <= bySubject.at ? bySubject : undefined;
    const throughLogin = login === undefined ? undefined : logins.get(login);
    const throughStart = startedBy && (token.get(startedBy.token) ?? key.get(startedBy.signer));
    const entry = session.get(sessionId) ?? throughSubject ?? asset.get(assetId) ?? throughLogin ?? throughStart;
    if (entry !== undefined) forbidden.set(stream, entry);
  }
  return forbidden;
}

async function tellOfTaken(
  taken: readonly EndedStream[],
  subject: string,
  now: UnixSeconds,
  context: SessionContext,
): Promise<Result<unknown, Refusal<"store_unavailable">>> {
  if (taken.length === 0) return ok(undefined);
  for (const { sessionId } of taken) context.telemetry({ event: "ended", sessionId, why: "taken" });
  const entries = taken.map((stream) => entryOfEnded(stream, "taken", now, subject));
  return fromStore("the revocation log", context.log.append(entries, "viewer"), context);
}

/** The result of a question to a store that failed: the refusal, unless the operator admits viewers then. */
export function withoutStore(
  failed: Refused<Refusal<"store_unavailable">>,
  { settings, onFailure }: SessionContext,
): Result<undefined, Refusal<"store_unavailable">> {
  if (settings.storeFailure === "closed") return failed;
  onFailure(failed.refusal);
  return ok(undefined);
}
