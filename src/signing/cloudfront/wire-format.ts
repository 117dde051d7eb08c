import { decodeBase64url, encodeBase64url } from "../../base/encoding.ts";
import type { UnixSeconds } from "../../base/time.ts";
import { type CloudFrontHash, type CloudFrontWindow, cannedPolicy, customPolicy } from "./cloudfront-policy.ts";

/**
 * Port to a private key: signs the UTF-8 bytes of a policy with RSASSA-PKCS1-v1_5, or ECDSA in DER. Synchronous, so a
 * playlist is rendered without a promise per segment. Callers must not change the bytes: they may be cached.
 */
export type CloudFrontSign = (policy: string) => Uint8Array;

/**
 * Makes a signed URL from a URL and a policy, without any checks (`cloudFrontSigner` has them). There are two, ours and
 * the SDK's; tests compare their bytes.
 */
export type CloudFrontWire = {
  /** The URL of one file under a canned policy. */
  readonly canned: (url: string, expires: UnixSeconds) => string;
  /** One custom policy, for every URL that its resource covers. */
  readonly custom: (resource: string, window: CloudFrontWindow) => (url: string) => string;
};

/**
 * The SDK's wire format with a key that is imported once. The SDK parses the PEM for each URL, which more than doubles
 * the cost of an RSA signature.
 */
export function cloudFrontWire(distribution: CloudFrontDistribution, sign: CloudFrontSign): CloudFrontWire {
  const keyPair = `&Key-Pair-Id=${distribution.keyPairId}&Signature=`;
  const hash = distribution.hash === "SHA256" ? "&Hash-Algorithm=SHA256" : "";
  const sealed = (policy: string) => keyPair + encodeCloudFrontBase64(sign(policy)) + hash;
  return {
    canned: (url, expires) => `${url}${separator(url)}Expires=${expires}${sealed(cannedPolicy(url, expires))}`,
    custom: (resource, window) => {
      const policy = customPolicy(resource, window);
      const parameters = `Policy=${encodeCloudFrontBase64(new TextEncoder().encode(policy))}${sealed(policy)}`;
      return (url) => url + separator(url) + parameters;
    },
  };
}

function separator(url: string): string {
  return url.includes("?") ? "&" : "?";
}

/**
 * CloudFront's base64: the standard one with `-` for `+`, `~` for `/` and `_` for the padding `=` ("Create a policy
 * statement for a signed URL that uses a custom policy", step 4).
 */
export function encodeCloudFrontBase64(bytes: Uint8Array): string {
  const text = encodeBase64url(bytes).replaceAll("_", "~");
  return text + padding(text.length);
}

/**
 * The bytes of canonical CloudFront base64, or undefined. Missing or doubled padding, another alphabet, white space and
 * set bits after the last byte are refused, so one signature has one spelling.
 */
export function decodeCloudFrontBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  const end = text.endsWith("__") ? text.length - 2 : text.endsWith("_") ? text.length - 1 : text.length;
  const body = text.slice(0, end);
  if (body.includes("_") || text.slice(end) !== padding(body.length)) return undefined;
  return decodeBase64url(body.replaceAll("~", "_"));
}

function padding(length: number): string {
  return "_".repeat((4 - (length % 4)) % 4);
}

/** A CloudFront distribution and the key of its signed URLs. */
export type CloudFrontDistribution = {
  /** Scheme and host only, as a browser writes them: `https://d111111abcdef8.cloudfront.net`. */
  readonly baseUrl: string;
  /** The id that CloudFront gave to the public key. */
  readonly keyPairId: string;
  readonly hash: CloudFrontHash;
};

const known: Record<keyof CloudFrontDistribution, true> = { baseUrl: true, keyPairId: true, hash: true };
const keyPairIdCharacters = /^[A-Za-z0-9._-]{1,64}$/;

/**
 * Every fault of a distribution; empty if it is valid. Accepts any object, because a configuration is external input. A
 * misspelled option is a fault: the SDK ignores it, and would sign with SHA-1 instead of SHA-256.
 */
export function distributionFaults(distribution: object): readonly string[] {
  const faults = Object.keys(distribution)
    .filter((option) => !Object.hasOwn(known, option))
    .map((option) => `unknown option "${option}": a CloudFront distribution has ${Object.keys(known).join(", ")}`);
  const { baseUrl, keyPairId, hash }: { baseUrl?: unknown; keyPairId?: unknown; hash?: unknown } = distribution;
  const baseUrlFault = typeof baseUrl === "string" ? faultOfBaseUrl(baseUrl) : "it is not a text";
  if (baseUrlFault !== undefined) faults.push(`baseUrl: ${baseUrlFault}`);
  if (typeof keyPairId !== "string" || !keyPairIdCharacters.test(keyPairId))
    faults.push("keyPairId: it is 1 to 64 characters of A-Z a-z 0-9 . _ -");
  if (hash !== "SHA1" && hash !== "SHA256") faults.push('hash: it is "SHA1" or "SHA256"');
  return faults;
}

/** Throws a TypeError with every fault of a distribution. */
export function assertDistribution(distribution: CloudFrontDistribution): void {
  const faults = distributionFaults(distribution);
  if (faults.length > 0) throw new TypeError(`the CloudFront distribution is wrong: ${faults.join("; ")}`);
}

/**
 * CloudFront compares the signed resource as text with the browser's URL, so a base URL needs the browser's spelling:
 * lower case, no default port, no trailing slash.
 */
function faultOfBaseUrl(baseUrl: string): string | undefined {
  if (baseUrl.includes("*")) return "an asterisk in it would be a wildcard";
  if (!URL.canParse(baseUrl)) return "it is not a URL";
  const { origin, protocol } = new URL(baseUrl);
  if (protocol !== "https:" && protocol !== "http:") return "it begins with https:// or http://";
  return origin === baseUrl ? undefined : `it is a scheme and a host alone, spelled ${origin}`;
}
