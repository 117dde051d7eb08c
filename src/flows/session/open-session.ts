import { type Refusal, refusal } from "../../base/refusal.ts";
import { ok, type Result } from "../../base/result.ts";
import { after, earlier, isUnixSeconds, rfc3339, type UnixSeconds } from "../../base/seconds.ts";
import { type Asset, entryPlace } from "../../catalog/asset.ts";
import { signingKey } from "../../keys/ring.ts";
import { loginName } from "../../sessions/login-name.ts";
import { isKeyRevoked, type RevocationSnapshot } from "../../sessions/revocation-snapshot.ts";
import { mintGrant, subjectHash, tokenHash } from "../../signing/grant.ts";
import { signedQuery } from "../../signing/media-url.ts";
import { macFor, type PreparedSessionKey } from "../../signing/session-keys.ts";
import { type Binding, bindTo } from "../bind.ts";
import { type Claiming, claimLease } from "./claim-lease.ts";
import type { SessionContext } from "./context.ts";

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
