import { encodeBase64url } from "../base/base64url.ts";
import type { Mac } from "../base/hmac.ts";
import type { UnixSeconds } from "../base/seconds.ts";

/** What a URL of the media host is good for. Each purpose has a key and a parameter of its own. */
export type MediaPurpose = "playlist" | "segment" | "key";

export const mediaPurposes = ["playlist", "segment", "key"] as const satisfies readonly MediaPurpose[];

/** The parameter that carries expiry and signature; its name states the purpose. */
export const parameterOf = { playlist: "list", segment: "seg", key: "key" } as const satisfies Record<
  MediaPurpose,
  string
>;

/** Length of a signature: 128 bits of HMAC-SHA256 in base64url. */
export const signatureLength = 22;

/** What a signature covers. */
export interface SignedParts {
  /** The plain path on the media host, in its canonical spelling: `/vod-ts/360p/0.ts`. */
  readonly path: string;
  /** The origin's own query in its canonical spelling, without `?`; empty where there is none. */
  readonly query: string;
  readonly expiry: UnixSeconds;
  /** The grant where the signature is bound to one session (playlists always), or empty: good for any grant that covers the path. */
  readonly grant: string;
}

/**
 * The signature of a URL: HMAC-SHA256 truncated to 128 bits (RFC 2104 §5), canonical base64url. Signing and checking both
 * come here, so they cannot drift apart. No part can hold a line feed, hence two different sets of parts never give the
 * same message; the purpose stands in it and in the derivation of the key.
 */
export function signatureOf(mac: Mac, purpose: MediaPurpose, { path, query, expiry, grant }: SignedParts): string {
  return encodeBase64url(mac(`${purpose}\n${path}\n${query}\n${expiry}\n${grant}`).subarray(0, 16));
}

/** The signed parameter, `seg=1795000000.c2lnbmF0dXJlc2lnbmF0dQ`: what comes last in the query of a URL that we write. */
export function signedParameter(mac: Mac, purpose: MediaPurpose, parts: SignedParts): string {
  return `${parameterOf[purpose]}=${parts.expiry}.${signatureOf(mac, purpose, parts)}`;
}

/** The whole query of a signed URL, without its `?`: the origin's own first, ours last. */
export function signedQuery(mac: Mac, purpose: MediaPurpose, parts: SignedParts): string {
  const parameter = signedParameter(mac, purpose, parts);
  return parts.query === "" ? parameter : `${parts.query}&${parameter}`;
}
