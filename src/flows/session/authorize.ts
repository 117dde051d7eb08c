import { equalInConstantTime } from "../../base/constant-time.ts";
import { type Refusal, refusal } from "../../base/refusal.ts";
import { ok, type Result } from "../../base/result.ts";
import type { UnixSeconds } from "../../base/seconds.ts";
import type { Credential } from "../../credential/credential.ts";
import { type Grant, openGrant, subjectHash } from "../../signing/grant.ts";
import type { SessionContext, SessionRequest } from "./context.ts";

/** A viewer's own session: his credential, and the grant that he carries. */
export interface OwnSession {
  readonly credential: Credential;
  readonly grant: Grant;
  readonly assetId: string;
}

/**
 * Who may look at a session, renew or end it: who holds a bearer token of the issuer and subject that it was started with,
 * and its grant. The id stands in what every cache and log sees, so by itself it does nothing: without the grant it is
 * `session_unknown`, as if there were none, and with another viewer's token `session_forbidden`.
 */
export async function authorize(
  { credential: asked, grant: text, sessionId }: SessionRequest,
  now: UnixSeconds,
  { keys, settings }: SessionContext,
): Promise<Result<OwnSession, Refusal>> {
  const verified = await asked.validate();
  if (!verified.ok) return verified;
  const credential = verified.value;
  if (text === undefined) return refusal("session_unknown", "no grant came with the request");
  const opened = openGrant(text, keys, now);
  if (!opened.ok) return opened;
  const grant = opened.value;
  if (grant.issuer !== settings.grantIssuer) return refusal("grant_invalid", "the grant is of another issuer");
  if (grant.sessionId !== sessionId) return refusal("session_unknown", "the grant is of another session");
  const key = keys.get(grant.kid);
  const subject = key === undefined ? "" : subjectHash(key, credential.issuer, credential.subject);
  if (!equalInConstantTime(subject, grant.subject))
    return refusal("session_forbidden", "the bearer token is of another issuer or subject than the session");
  if (now >= grant.expiresAt) return refusal("grant_expired", "the playback session has ended");
  return ok({ credential, grant, assetId: grant.prefix.slice(1, -1) });
}
