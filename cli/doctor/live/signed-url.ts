import { randomBytes } from "node:crypto";
import { encodeBase64url } from "../../../src/base/base64url.ts";
import { after, seconds, type UnixSeconds } from "../../../src/base/seconds.ts";
import type { Asset } from "../../../src/catalog/asset.ts";
import { isBound } from "../../../src/flows/check-media-request.ts";
import { mintGrant, subjectHash } from "../../../src/signing/grant.ts";
import { type MediaPurpose, signedQuery } from "../../../src/signing/media-url.ts";
import { macFor, type PreparedSessionKey } from "../../../src/signing/session-keys.ts";

/** A URL of the media host for one file of an asset, good for a minute, of a session that nobody has started. */
export function mediaUrlUnder(
  key: PreparedSessionKey,
  file: { readonly asset: Asset; readonly path: string; readonly query?: string; readonly purpose: MediaPurpose },
  context: { readonly mediaUrl: string; readonly grantIssuer: string; readonly now: UnixSeconds },
): string {
  const { asset, path, query = "", purpose } = file;
  const { now, grantIssuer, mediaUrl } = context;
  const expiry = after(now, seconds(60));
  const grant = mintGrant(
    {
      issuer: grantIssuer,
      subject: subjectHash(key, "stagedoor-doctor", "doctor"),
      sessionId: encodeBase64url(randomBytes(16)),
      prefix: `/${asset.id}/`,
      issuedAt: now,
      expiresAt: expiry,
    },
    key,
  );
  const mac = macFor(key, purpose, isBound(purpose, asset) ? grant : undefined);
  return `${mediaUrl}/${grant}${path}?${signedQuery(mac, purpose, { path, query, expiry })}`;
}
