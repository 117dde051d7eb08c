import { ok, type Result } from "../base/result.ts";
import { systemClock, unixSeconds } from "../base/time.ts";
import { cloudFrontSign } from "../platform/node/node-crypto.ts";
import { cloudFrontSigner } from "../signing/cloudfront/cloudfront-signer.ts";
import { type CloudFrontPublicKey, importCloudFrontPublicKey } from "../signing/cloudfront/public-key.ts";
import { type CloudFrontRefusal, verifyCloudFront } from "../signing/cloudfront/verify-cloudfront.ts";
import { cloudFrontWire } from "../signing/cloudfront/wire-format.ts";
import {
  absolutePath,
  anObject,
  checkOptions,
  type MemberRules,
  oneOf,
  required,
  someText,
  unixTime,
} from "./check-options.ts";

export interface CloudFrontOptions {
  /** Scheme and host only: `https://d111111abcdef8.cloudfront.net`. */
  readonly baseUrl: string;
  /** The id that CloudFront gave to the public key. */
  readonly keyPairId: string;
  /** PEM (PKCS #8, PKCS #1 or SEC 1) or a JWK: RSA of 2048 bits or P-256. */
  readonly privateKey: string | JsonWebKey;
  /** The default is SHA256. */
  readonly hash?: "SHA1" | "SHA256";
}

/** A file, and when its URL is valid. Times are seconds since 1970-01-01T00:00:00Z. */
export interface CloudFrontUrl {
  /** The canonical path: `/film/360p/0.ts`. */
  readonly path: string;
  /** Without `?`. */
  readonly query?: string;
  readonly expires: number;
  readonly starts?: number;
  /** The only address or range that may use the URL: `192.0.2.10` or `192.0.2.0/24`. IPv4 only. */
  readonly address?: string;
}

const signerRules: MemberRules<CloudFrontOptions> = {
  baseUrl: required(someText()),
  keyPairId: required(someText()),
  privateKey: required({
    allowed: "PEM or a JWK",
    accepts: (key) => (typeof key === "string" && key !== "") || anObject.accepts(key),
  }),
  hash: oneOf(["SHA1", "SHA256"]),
};

const urlRules: MemberRules<CloudFrontUrl> = {
  path: required(absolutePath),
  query: someText("a query without ?", /^[^?]*$/),
  expires: required(unixTime),
  starts: unixTime,
  address: someText("an IPv4 address or range"),
};

const verifyRules = {
  now: unixTime,
  address: someText("an IP address"),
  method: someText("an HTTP method, such as GET"),
};

/**
 * Signs CloudFront URLs: canned policies, or custom ones for a start or an address. The key is read once.
 *
 * Throws a TypeError for an invalid distribution or key, which it does not quote, and a RangeError for a time in
 * milliseconds. `path_invalid`: CloudFront could not verify this path or query. `address_not_covered`: IPv6.
 */
export function cloudFront(options: CloudFrontOptions) {
  checkOptions("cloudFront", options, signerRules);
  const { baseUrl, keyPairId, privateKey, hash = "SHA256" } = options;
  const distribution = { baseUrl, keyPairId, hash };
  const signer = cloudFrontSigner(
    distribution,
    cloudFrontWire(distribution, cloudFrontSign(typeof privateKey === "string" ? privateKey : { ...privateKey }, hash)),
  );
  return {
    sign(url: CloudFrontUrl): ReturnType<typeof signer.file> {
      checkOptions("cloudFront(…).sign", url, urlRules);
      const { path, query = "", expires, starts, address } = url;
      return signer.file(path, query, {
        expires: unixSeconds(expires),
        ...(starts !== undefined && { starts: unixSeconds(starts) }),
        ...(address !== undefined && { address }),
      });
    },
  };
}

/** Public keys that are ready to verify. They are the result of {@link cloudFrontKeys}. */
export interface CloudFrontKeys {
  readonly ids: readonly string[];
}

const imported = new WeakMap<CloudFrontKeys, ReadonlyMap<string, CloudFrontPublicKey>>();

/** Reads the public keys of a distribution's key group, by id: PEM (SubjectPublicKeyInfo) or JWK. Throws a TypeError. */
export async function cloudFrontKeys(keys: Readonly<Record<string, string | JsonWebKey>>): Promise<CloudFrontKeys> {
  const ready = new Map<string, CloudFrontPublicKey>();
  for (const [id, key] of Object.entries(keys)) {
    const read = await importCloudFrontPublicKey(typeof key === "string" ? derOf(key) : key);
    if (!read.ok) throw new TypeError(`the public key ${id}: ${read.refusal}`);
    ready.set(id, read.value);
  }
  const result: CloudFrontKeys = { ids: [...ready.keys()] };
  imported.set(result, ready);
  return result;
}

/** The file that an authentic URL opens. Times are seconds since 1970. */
export interface VerifiedCloudFrontUrl {
  readonly policy: "canned" | "custom";
  readonly keyPairId: string;
  readonly path: string;
  readonly query: string | undefined;
  readonly expires: number;
}

/**
 * Verifies a signed URL as CloudFront does: key, signature, then the policy's resource, times and address.
 *
 * @param url the whole URL as the viewer sent it: nothing in it is decoded or reordered
 * @param options `now`: seconds since 1970, the default is the machine's clock; `address`: the viewer's
 */
export async function verifyCloudFrontUrl(
  keys: CloudFrontKeys,
  url: string,
  options: { readonly now?: number; readonly address?: string; readonly method?: string } = {},
): Promise<Result<VerifiedCloudFrontUrl, CloudFrontRefusal>> {
  checkOptions("verifyCloudFrontUrl", options, verifyRules);
  const ready = imported.get(keys);
  if (ready === undefined) throw new TypeError("the keys are not a result of cloudFrontKeys");
  const slash = url.indexOf("/", url.indexOf("://") + 3);
  const mark = url.indexOf("?");
  const request = {
    method: options.method ?? "GET",
    baseUrl: slash < 0 ? url : url.slice(0, slash),
    path: slash < 0 ? "/" : url.slice(slash, mark < 0 ? undefined : mark),
    query: mark < 0 ? undefined : url.slice(mark + 1),
    now: unixSeconds(options.now ?? systemClock()),
    address: options.address,
  };
  const verified = await verifyCloudFront(request, (id) => ready.get(id));
  return verified.ok ? ok(verified.value) : verified;
}

function derOf(pem: string): Uint8Array<ArrayBuffer> {
  const text = /-----BEGIN PUBLIC KEY-----([A-Za-z0-9+/=\s]+)-----END PUBLIC KEY-----/.exec(pem)?.[1];
  if (text === undefined)
    throw new TypeError("a public key is PEM that begins with -----BEGIN PUBLIC KEY-----, or a JWK");
  return Uint8Array.from(atob(text.replace(/\s/g, "")), (character) => character.charCodeAt(0));
}
