import { encodeBase64url } from "../base/base64url.ts";
import type { TextMac } from "../base/hmac.ts";
import type { UnixSeconds } from "../base/seconds.ts";

/** What a URL of the media host is good for. Each purpose has a key and a parameter of its own. */
export type MediaPurpose = "playlist" | "segment" | "key";

export const mediaPurposes = ["playlist", "segment", "key"] as const satisfies readonly MediaPurpose[];

/**
 * Parameters of purposes that this version does not sign yet: downloads and DASH templates. A URL that ends in one of them
 * is refused, so that a later release can use them without a new format.
 */
export const reservedParameters = ["file", "tpl"] as const;

/** The parameter that carries expiry and signature; its name states the purpose. */
export const parameterOf = { playlist: "list", segment: "seg", key: "key" } as const satisfies Record<
  MediaPurpose,
  string
>;

/** Length of a signature: 128 bits of HMAC-SHA256 in base64url. */
export const signatureLength = 22;

/** What a signature covers, in addition to its purpose. */
export interface SignedParts {
  /** The quality class that the URL belongs to, `[a-z0-9-]*`. Empty: the asset has no classes. */
  readonly qualityClass?: string | undefined;
  /** The plain path on the media host, in its canonical spelling: `/vod-ts/360p/0.ts`. */
  readonly path: string;
  /** The origin's own query in its canonical spelling, without `?`; empty where there is none. */
  readonly query: string;
  readonly expiry: UnixSeconds;
}

/**
 * The signature of a URL: HMAC-SHA256 truncated to 128 bits (RFC 2104 §5), canonical base64url. Signing and checking both
 * call this function, so they cannot drift apart. The message is
 *
 *     <purpose> LF <quality class> LF <path> LF <query> LF <expiry>
 *
 * and no part contains a line feed, so different parts never give the same message. `mac` is {@link macFor} the purpose
 * and, where the signature is bound to one session, its grant.
 */
export function signatureOf(mac: TextMac, purpose: MediaPurpose, parts: SignedParts): string {
  const { qualityClass = "", path, query, expiry } = parts;
  return first128Bits(mac.base64url(`${purpose}\n${qualityClass}\n${path}\n${query}\n${expiry}`));
}

/** In base64url 21 characters hold 126 bits. Of the next one two bits count, and the canonical spelling sets no others. */
function first128Bits(text: string): string {
  return text.slice(0, signatureLength - 1) + (lastCharacters[text.charCodeAt(signatureLength - 1)] ?? "");
}

/** By the code of a character of base64url: the character with the same two first bits and four zeros behind them. */
const lastCharacters: string[] = [];
for (let value = 0; value < 64; value++) lastCharacters[letter(value).charCodeAt(0)] = letter(value & 0b110000);

function letter(value: number): string {
  return encodeBase64url(Uint8Array.of(value << 2)).charAt(0);
}

/** The signed parameter, `seg=1795000000.c2lnbmF0dXJlc2lnbmF0dQ`: what comes last in the query of a URL that we write. */
export function signedParameter(mac: TextMac, purpose: MediaPurpose, parts: SignedParts): string {
  return `${parameterOf[purpose]}=${parts.expiry}.${signatureOf(mac, purpose, parts)}`;
}

/** The whole query of a signed URL, without its `?`: the origin's own first, ours last. */
export function signedQuery(mac: TextMac, purpose: MediaPurpose, parts: SignedParts): string {
  const parameter = signedParameter(mac, purpose, parts);
  return parts.query === "" ? parameter : `${parts.query}&${parameter}`;
}
