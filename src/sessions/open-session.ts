import { ok, type Result } from "../base/result.ts";
import { after, earlier, rfc3339, type UnixSeconds } from "../base/time.ts";
import { type Asset, entryPlace } from "../catalog/asset.ts";
import { mintGrant } from "../signing/grant.ts";
import { signedQuery } from "../signing/media-url.ts";
import { macFor, type PreparedSessionKey } from "../signing/session-keys.ts";
import { type Claiming, type ClaimRefusal, claimLease } from "./claim-lease.ts";
import { credentialClaims } from "./identifiers.ts";
import type { EndedRefusal } from "./revocation-snapshot.ts";
import type { SessionContext } from "./session-context.ts";
import type { Terms } from "./start-checks.ts";

/** The response of a start or renewal. */
export interface OpenedSession {
  readonly sessionId: string;
  readonly manifestUrl: string;
  /** Both RFC 3339 in UTC. */
  readonly manifestExpiresAt: string;
  readonly sessionExpiresAt: string;
  /** For the routes below `/stream/{id}`, in the header CTA-Common-Access-Token. The manifest URL contains it too. */
  readonly grant: string;
}

interface Opening extends Claiming {
  readonly terms: Terms;
  /** The client's country, as the CDN in front reports it. */
  readonly country: string | undefined;
}

/**
 * Opens or renews a playback session that passed {@link startChecks}: claims a lease, mints the grant and signs the
 * manifest URL.
 */
export async function openSession(
  opening: Opening,
  now: UnixSeconds,
  context: SessionContext,
): Promise<Result<OpenedSession, ClaimRefusal | EndedRefusal>> {
  const { credential, asset, sessionId } = opening;
  const { key, signer, binding, qualityClass, expiresAt } = opening.terms;
  const claimed = await claimLease(opening, key, now, expiresAt, context);
  if (!claimed.ok) return claimed;
  const claims = credentialClaims(credential, key);
  const alive = { sessionId, assetId: asset.id, subject: claims.subject, country: opening.country ?? "XX" };
  context.telemetry({ event: "alive", ...alive, startedAt: now, seenAt: now, expiresAt });
  const grant = mintGrant(
    {
      issuer: context.settings.grantIssuer,
      ...claims,
      sessionId,
      prefix: `/${asset.id}/`,
      issuedAt: now,
      expiresAt,
      ...binding,
      ...(qualityClass !== "" && { qualityClass }),
    },
    signer,
  );
  const manifestExpiry = earlier(after(now, context.settings.manifestTtl), expiresAt);
  return ok({
    sessionId,
    manifestUrl: manifestUrl(asset, { grant, qualityClass }, signer, manifestExpiry, context),
    manifestExpiresAt: rfc3339(manifestExpiry),
    sessionExpiresAt: rfc3339(expiresAt),
    grant,
  });
}

function manifestUrl(
  asset: Asset,
  { grant, qualityClass }: { readonly grant: string; readonly qualityClass: string },
  key: PreparedSessionKey,
  expiry: UnixSeconds,
  { settings }: SessionContext,
): string {
  const entry = entryPlace(asset);
  const path = `/${asset.id}/${entry.path}`;
  const parts = { qualityClass, path, query: entry.query, expiry };
  const signed = signedQuery(macFor(key, "playlist", grant), "playlist", parts);
  return `${asset.cdnUrl ?? settings.mediaUrl}/${grant}${path}?${signed}`;
}
