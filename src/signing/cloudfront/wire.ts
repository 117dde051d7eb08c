import type { UnixSeconds } from "../../base/seconds.ts";
import type { CloudFrontDistribution } from "./distribution.ts";
import { encodeCloudFrontBase64 } from "./encoding.ts";
import { type CloudFrontWindow, cannedPolicy, customPolicy } from "./policy.ts";

/**
 * The port to a private key: the signature over the UTF-8 bytes of a policy, under the key and hash that it was made
 * with. RSASSA-PKCS1-v1_5, or ECDSA in DER. Synchronous, so that a playlist is rendered without a promise a segment.
 * The bytes may be handed out again, so nobody changes them.
 */
export type CloudFrontSign = (policy: string) => Uint8Array;

/**
 * What turns a URL and a policy into a signed URL. It checks nothing: `cloudFrontSigner` does that for every wire. There
 * are two, ours and the SDK's, and tests hold them to the same bytes.
 */
export type CloudFrontWire = {
  /** The URL of one file under a canned policy. */
  readonly canned: (url: string, expires: UnixSeconds) => string;
  /** One custom policy, for every URL that its resource covers. */
  readonly custom: (resource: string, window: CloudFrontWindow) => (url: string) => string;
};

/**
 * The SDK's wire format over a key that was made ready once. (The SDK parses the PEM anew for each URL, which more than
 * doubles the price of an RSA signature.)
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
