import { canonicalQuery, pathFault } from "../base/canonical-path.ts";
import { hasLeadingZero, readDecimal } from "../base/decimal.ts";
import { type Refusal, refusal } from "../base/refusal.ts";
import { ok, type Result } from "../base/result.ts";
import { isUnixSeconds, type UnixSeconds } from "../base/seconds.ts";
import { type MediaPurpose, parameterOf, reservedParameters, signatureLength } from "./media-url.ts";

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
export function parseMediaTarget(target: string): Result<MediaTarget, Refusal> {
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
