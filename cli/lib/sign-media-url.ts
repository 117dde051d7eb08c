import { randomBytes } from "node:crypto";
import { encodeBase64url } from "../../src/base/encoding.ts";
import type { MediaPurpose } from "../../src/base/media-purpose.ts";
import type { UnixSeconds } from "../../src/base/time.ts";
import type { Asset } from "../../src/catalog/asset.ts";
import { defaultGrantIssuer } from "../../src/config/settings.ts";
import { isBound } from "../../src/edge/check-media-request.ts";
import { subjectHash } from "../../src/sessions/identifiers.ts";
import { type BoundNetwork, mintGrant } from "../../src/signing/grant.ts";
import { signedQuery } from "../../src/signing/media-url.ts";
import { macFor, type PreparedSessionKey } from "../../src/signing/session-keys.ts";

/** `iss` of grants, from the setting that the workers read. */
export function grantIssuer(): string {
  return process.env.STAGEDOOR_GRANT_ISSUER ?? defaultGrantIssuer;
}

/** The issuer in the subject hash of a session that no bearer token started. */
export const cliIssuer = "stagedoor-cli";

/** A file of an asset, by its path and query on the media host: `/film-42/360p/0.ts`. */
export interface MediaFile {
  readonly asset: Asset;
  readonly path: string;
  readonly query?: string;
  readonly purpose: MediaPurpose;
}

export interface SigningContext {
  readonly mediaUrl: string;
  readonly grantIssuer: string;
  /** The caller: the grant carries a keyed hash of both. */
  readonly subject: { readonly issuer: string; readonly name: string };
  readonly now: UnixSeconds;
  readonly expiresAt: UnixSeconds;
  readonly sessionExpiresAt: UnixSeconds;
  /** The network that the session is bound to. */
  readonly network?: BoundNetwork;
}

/** Signs a URL of the media host, with a grant for a new session that no start has opened. */
export function signMediaUrl(
  key: PreparedSessionKey,
  { asset, path, query = "", purpose }: MediaFile,
  { mediaUrl, grantIssuer, subject, now, expiresAt, sessionExpiresAt, network }: SigningContext,
): { readonly url: string; readonly sessionId: string } {
  const sessionId = encodeBase64url(randomBytes(16));
  const grant = mintGrant(
    {
      issuer: grantIssuer,
      subject: subjectHash(key, subject.issuer, subject.name),
      sessionId,
      prefix: `/${asset.id}/`,
      issuedAt: now,
      expiresAt: sessionExpiresAt,
      ...(purpose === "file" && { use: "files" as const }),
      ...(network !== undefined && { network }),
    },
    key,
  );
  const mac = macFor(key, purpose, isBound(purpose, asset) ? grant : undefined);
  const signed = signedQuery(mac, purpose, { path, query, expiry: expiresAt });
  return { url: `${mediaUrl}/${grant}${path}?${signed}`, sessionId };
}
