import { canonicalQuery, pathFault } from "../base/canonical-path.ts";
import type { TextMac } from "../base/crypto.ts";
import { encodeBase64url, hasLeadingZero, readDecimal } from "../base/encoding.ts";
import { type MediaPurpose, parameterOf, reservedParameters } from "../base/media-purpose.ts";
import { ok, type Refusal, type Result, refusal } from "../base/result.ts";
import { isUnixSeconds, type UnixSeconds } from "../base/time.ts";

/** Length of a signature in characters: 128 bits of HMAC-SHA256 in base64url. */
const signatureLength = 22;

/** What a signature covers, in addition to its purpose. */
export interface SignedParts {
  /** The quality class of the session (`base/quality.ts`). Empty for every quality. */
  readonly qualityClass?: string | undefined;
  /** The plain path on the media host, in its canonical spelling: `/vod-ts/360p/0.ts`. */
  readonly path: string;
  /** The origin's own query in its canonical spelling, without `?`; empty if there is none. */
  readonly query: string;
  readonly expiry: UnixSeconds;
}

/**
 * The signature of a URL: HMAC-SHA256 truncated to 128 bits (RFC 2104 §5) in canonical base64url. Signing and verifying
 * both call this function, so they cannot diverge. The message is
 *
 *     <purpose> LF <quality class> LF <path> LF <query> LF <expiry>
 *
 * No part contains a line feed, so different parts never give the same message. `mac` comes from {@link macFor}.
 */
export function signatureOf(mac: TextMac, purpose: MediaPurpose, parts: SignedParts): string {
  const { qualityClass = "", path, query, expiry } = parts;
  return first128Bits(mac.base64url(`${purpose}\n${qualityClass}\n${path}\n${query}\n${expiry}`));
}

/**
 * 21 characters of base64url hold 126 bits. Of the next character two bits count, and the canonical spelling sets no
 * others.
 */
function first128Bits(text: string): string {
  return text.slice(0, signatureLength - 1) + (lastCharacters[text.charCodeAt(signatureLength - 1)] ?? "");
}

/** By the code of a base64url character: the character with the same first two bits, followed by four zeros. */
const lastCharacters: string[] = [];
for (let value = 0; value < 64; value++) lastCharacters[letter(value).charCodeAt(0)] = letter(value & 0b110000);

function letter(value: number): string {
  return encodeBase64url(Uint8Array.of(value << 2)).charAt(0);
}

/** The signed parameter, `seg=1795000000.c2lnbmF0dXJlc2lnbmF0dQ`: the last part of the query of a signed URL. */
export function signedParameter(mac: TextMac, purpose: MediaPurpose, parts: SignedParts): string {
  return `${parameterOf[purpose]}=${parts.expiry}.${signatureOf(mac, purpose, parts)}`;
}

/** The whole query of a signed URL, without its `?`: the origin's query, then the signed parameter. */
export function signedQuery(mac: TextMac, purpose: MediaPurpose, parts: SignedParts): string {
  const parameter = signedParameter(mac, purpose, parts);
  return parts.query === "" ? parameter : `${parts.query}&${parameter}`;
}

/** The request target of an absolute URL, cut out and not parsed: a URL parser folds dot segments. */
export function targetOf(url: string): string {
  const slash = url.indexOf("/", url.indexOf("://") + 3);
  return slash < 0 ? "/" : url.slice(slash);
}

/** The parsed target of a request to the media host. Nothing in it is verified yet. */
export interface MediaTarget {
  /** The first path segment, supposed to be a grant. */
  readonly grant: string;
  /** The canonical path after the grant: `/vod-ts/360p/0.ts`, or an alias, not decoded. */
  readonly path: string;
  /** The origin's own query, canonical; empty if there is none, and for an alias. */
  readonly query: string;
  readonly signature: SignatureParameter | undefined;
  /** Text that a player appended after our parameter. It is not signed and not forwarded as a whole. */
  readonly appended: string;
}

export interface SignatureParameter {
  readonly purpose: MediaPurpose;
  readonly expiry: UnixSeconds;
  readonly signature: string;
}

/**
 * Parses `/<grant>/<path>?[origin's query&]<purpose>=<expiry>.<signature>[&appended]` from the bytes of the request
 * line. A URL parser would fold `/../`, and `A/../B` with A's signature would open B. `path_invalid`: the path is not
 * canonical.
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
  // Our parameter is the last one of its form: a player appends others after it, and an origin's own `key=` comes
  // before.
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
  if (query.startsWith("key=", start)) return "key";
  return query.startsWith("file=", start) ? "file" : undefined;
}
