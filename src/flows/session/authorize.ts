import { equalInConstantTime } from "../../base/constant-time.ts";
import { type Refusal, type RefusalCode, refusal } from "../../base/refusal.ts";
import { ok, type Result } from "../../base/result.ts";
import type { UnixSeconds } from "../../base/seconds.ts";
import type { Credential } from "../../credential/credential.ts";
import { type Grant, openGrant, subjectHash } from "../../signing/grant.ts";
import { addressNotSpent, withinAddressRate } from "./address-rate.ts";
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
 *
 * The grant comes first, as it needs no question: somebody else may have to be asked about a credential, and for who has
 * no grant nobody is. What it is refused for, its holder knows: the media host tells him the same.
 */
export async function authorize(
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
  if (now >= opened.value.expiresAt) return refusal("grant_expired", "the playback session has ended");
  return opened;
}

/** What no client sends that goes about it well: he knows when his token ends, and our own failures are not his. */
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
