import { canonicalQuery, pathFault } from "../base/canonical-path.ts";
import type { MediaPurpose } from "../base/constants.ts";
import type { TextMac } from "../base/crypto.ts";
import { encodeBase64url, hasLeadingZero, readDecimal } from "../base/encoding.ts";
import { ok, type Refusal, type Result, refusal } from "../base/result.ts";
import { isUnixSeconds, type UnixSeconds } from "../base/time.ts";

/**
 * Parameters of purposes that this version does not sign yet: downloads and DASH templates. A URL that ends in one of them
 * is refused, so that a later release can use them without a new format.
 */
const reservedParameters = ["file", "tpl"] as const;

/** The parameter that carries expiry and signature; its name states the purpose. */
export const parameterOf = { playlist: "list", segment: "seg", key: "key" } as const satisfies Record<
  MediaPurpose,
  string
>;

/** Length of a signature: 128 bits of HMAC-SHA256 in base64url. */
const signatureLength = 22;

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

/** A request's target on the media host, taken apart. Nothing in it is to be trusted before it was checked. */
export interface MediaTarget {
  /** The first path segment, which should be a grant. */
  readonly grant: string;
  /** The plain path behind the grant, canonical: `/vod-ts/360p/0.ts`, or an alias, which is not decoded here. */
  readonly path: string;
  /** The origin's own query, canonical, empty where there is none and for an alias. */
  readonly query: string;
  readonly signature: SignatureParameter | undefined;
  /** What a player appended behind our parameter, as it stands; never signed, never sent on as a whole. */
  readonly appended: string;
}

export interface SignatureParameter {
  readonly purpose: MediaPurpose;
  readonly expiry: UnixSeconds;
  readonly signature: string;
}

/**
 * Takes `/<grant>/<path>?[origin's query&]<purpose>=<expiry>.<signature>[&appended]` apart, from the bytes of the request
 * line: parsing it as a URL would fold `/../` and let `A/../B` with A's signature stand for B. `path_invalid` for a path
 * that is not in its canonical spelling.
 */
export function parseMediaTarget(target: string): Result<MediaTarget, Refusal<"path_invalid" | "signature_invalid">> {
  const mark = target.indexOf("?");
  const wholePath = mark < 0 ? target : target.slice(0, mark);
  const fault = pathFault(wholePath);
  if (fault !== undefined) return refusal("path_invalid", `the path is not canonical: ${fault}`);
  const slash = wholePath.indexOf("/", 1);
  const grant = slash < 0 ? wholePath.slice(1) : wholePath.slice(1, slash);
  const path = slash < 0 ? "/" : wholePath.slice(slash);
  const whole = mark < 0 ? "" : target.slice(mark + 1);
  // Ours is the last parameter of its form: a player appends others behind it, an origin's own `key=` stands before it.
  for (let end = whole.length; end > 0; ) {
    const start = whole.lastIndexOf("&", end - 1) + 1;
    const reserved = reservedParameters.find((name) => whole.startsWith(`${name}=`, start));
    if (reserved !== undefined && expiryIn(whole, start + reserved.length + 1, end) !== undefined)
      return refusal("signature_invalid", `the parameter "${reserved}" is reserved for a later version`);
    const signature = signatureParameter(whole, start, end);
    if (signature !== undefined) {
      const query = start === 0 ? "" : canonicalQuery(whole.slice(0, start - 1));
      return ok({ grant, path, query, signature, appended: whole.slice(end + 1) });
    }
    end = start - 1;
  }
  return ok({ grant, path, query: "", signature: undefined, appended: whole });
}

function signatureParameter(query: string, start: number, end: number): SignatureParameter | undefined {
  const purpose = purposeAt(query, start);
  if (purpose === undefined) return undefined;
  const expiry = expiryIn(query, start + parameterOf[purpose].length + 1, end);
  return expiry === undefined ? undefined : { purpose, expiry, signature: query.slice(end - signatureLength, end) };
}

/** The expiry of a value of the form `<expiry>.<22 characters>`, or undefined. */
function expiryIn(query: string, from: number, end: number): UnixSeconds | undefined {
  const dot = end - signatureLength - 1;
  if (dot <= from || query.charCodeAt(dot) !== 0x2e) return undefined;
  if (hasLeadingZero(query, from, dot)) return undefined; // one expiry has one spelling
  const expiry = readDecimal(query, from, dot);
  return isUnixSeconds(expiry) ? expiry : undefined;
}

function purposeAt(query: string, start: number): MediaPurpose | undefined {
  if (query.startsWith("seg=", start)) return "segment";
  if (query.startsWith("list=", start)) return "playlist";
  return query.startsWith("key=", start) ? "key" : undefined;
}
