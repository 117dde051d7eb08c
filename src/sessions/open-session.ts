import type { Credential } from "../auth/credential.ts";
import { ok, type Refusal, type Result, refusal } from "../base/result.ts";
import { after, earlier, isUnixSeconds, rfc3339, type UnixSeconds } from "../base/time.ts";
import { type Asset, entryPlace } from "../catalog/asset.ts";
import { signingKey } from "../keys/ring.ts";
import { mintGrant, subjectHash, tokenHash } from "../signing/grant.ts";
import { signedQuery } from "../signing/media-url.ts";
import { macFor, type PreparedSessionKey } from "../signing/session-keys.ts";
import { type Claiming, claimLease } from "./claim-lease.ts";
import { type Binding, bindTo } from "./client-network.ts";
import { loginName } from "./identifiers.ts";
import { isKeyRevoked, type RevocationSnapshot } from "./revocation-snapshot.ts";
import type { SessionContext, SessionRequest } from "./session-context.ts";

/** The answer of a start and of a renewal. */
export interface OpenedSession {
  readonly sessionId: string;
  readonly manifestUrl: string;
  /** Both RFC 3339 in UTC. */
  readonly manifestExpiresAt: string;
  readonly sessionExpiresAt: string;
  /** For the routes below `/stream/{id}`, in the header CTA-Common-Access-Token. It stands in the manifest URL too. */
  readonly grant: string;
}

export interface Opening extends Claiming {
  /** When the session ends at the latest, where the operator's service said so. */
  readonly until: UnixSeconds | undefined;
  /** Where the client is, as the CDN in front says. */
  readonly country: string | undefined;
}

/**
 * Opens a playback session, or one that is open for longer: claims a lease among the viewer's streams, mints the grant and
 * signs the manifest URL. `address_unknown`, and what {@link claimLease} refuses.
 */
export async function openSession(
  opening: Opening,
  now: UnixSeconds,
  context: SessionContext,
): Promise<Result<OpenedSession, Refusal>> {
  const { credential, asset, sessionId } = opening;
  const terms = termsOf(opening, now, context);
  if (!terms.ok) return terms;
  const { key, binding, expiresAt } = terms.value;
  const claimed = await claimLease(opening, key, now, expiresAt, context);
  if (!claimed.ok) return claimed;
  const { tokenId: jti, loginId: sid, issuer } = credential;
  const subject = subjectHash(key, issuer, credential.subject);
  const alive = { sessionId, assetId: asset.id, subject, country: opening.country ?? "XX" };
  context.telemetry({ event: "alive", ...alive, startedAt: now, seenAt: now, expiresAt });
  const grant = mintGrant(
    {
      issuer: context.settings.grantIssuer,
      subject,
      sessionId,
      prefix: `/${asset.id}/`,
      issuedAt: now,
      expiresAt,
      ...(jti !== undefined && { token: tokenHash(key, issuer, jti) }),
      ...(sid !== undefined && { login: loginName(issuer, sid) }),
      ...binding,
    },
    key,
  );
  const manifestExpiry = earlier(after(now, context.settings.manifestTtl), expiresAt);
  return ok({
    sessionId,
    manifestUrl: manifestUrl(asset, grant, key, manifestExpiry, context),
    manifestExpiresAt: rfc3339(manifestExpiry),
    sessionExpiresAt: rfc3339(expiresAt),
    grant,
  });
}

/** What a grant of now would stand on: its key, what it is bound to, and when it ends. */
export interface Terms {
  readonly key: PreparedSessionKey;
  readonly binding: Binding;
  readonly expiresAt: UnixSeconds;
}

/** The terms of a session that is opened now, as far as no store has to be asked. `configuration_invalid`, `address_unknown`. */
export function termsOf(
  { asset, client, snapshot, until }: Pick<Opening, "asset" | "client" | "snapshot" | "until">,
  now: UnixSeconds,
  { keys, settings }: Pick<SessionContext, "keys" | "settings">,
): Result<Terms, Refusal> {
  const signing = keyOf(snapshot, now, { keys });
  if (!signing.ok) return signing;
  const key = signing.value;
  const binding = bindTo(asset, client);
  if (!binding.ok) return binding;
  const end = after(now, asset.session ?? settings.sessionTtl);
  // A grant is worth nothing once its key has ended, so no more is promised than the key can keep.
  const ends = [key.exp, asset.available?.until, until];
  return ok({ key, binding: binding.value, expiresAt: ends.filter(isUnixSeconds).reduce(earlier, end) });
}

/** The key that signs a grant of now: never one that was revoked. `configuration_invalid` where there is none. */
export function keyOf(
  snapshot: RevocationSnapshot,
  now: UnixSeconds,
  { keys }: Pick<SessionContext, "keys">,
): Result<PreparedSessionKey, Refusal> {
  const key = signingKey(
    [...keys.values()].filter(({ kid }) => !isKeyRevoked(snapshot, kid)),
    now,
  );
  return key === undefined
    ? refusal("configuration_invalid", "no session key is in use now: its window has not begun, or it was ended")
    : ok(key);
}

function manifestUrl(
  asset: Asset,
  grant: string,
  key: PreparedSessionKey,
  expiry: UnixSeconds,
  { settings }: SessionContext,
): string {
  const entry = entryPlace(asset);
  const path = `/${asset.id}/${entry.path}`;
  const signed = signedQuery(macFor(key, "playlist", grant), "playlist", { path, query: entry.query, expiry });
  return `${settings.mediaUrl}/${grant}${path}?${signed}`;
}

/** What the operator's own decision leaves of a credential. */
export interface EntitledCredential {
  /** With the number of streams that the service named, where it named one. */
  readonly credential: Credential;
  /** When the session ends at the latest, where the service said so. */
  readonly until: UnixSeconds | undefined;
}

/**
 * Asks the operator's service, where there is one, whether this viewer may play this asset: last of all, so that it hears
 * neither of whom the credential, the asset's conditions or a revocation refuses. `entitlement_refused`, also where what it
 * allows has ended; `store_unavailable` where it gave no answer that is understood, whatever STAGEDOOR_STORE_FAILURE says.
 */
export async function entitled(
  credential: Credential,
  assetId: string,
  { client, country }: Pick<SessionRequest, "client" | "country">,
  { entitlement, clock }: Pick<SessionContext, "entitlement" | "clock">,
): Promise<Result<EntitledCredential, Refusal>> {
  if (entitlement === undefined) return ok({ credential, until: undefined });
  const { issuer, subject } = credential;
  const answer = await entitlement({ issuer, subject, asset: assetId, address: client.address, country });
  if (!answer.ok) return answer;
  const { streams = credential.streams, until } = answer.value;
  if (until !== undefined && until <= clock())
    return refusal("entitlement_refused", "what the entitlement service allows has ended");
  return ok({ credential: { ...credential, streams }, until });
}
