import { createPrivateKey, createPublicKey, verify } from "node:crypto";
import { getSignedUrl } from "@aws-sdk/cloudfront-signer";
import { after, seconds, type UnixSeconds } from "../../src/base/time.ts";
import type { CloudFrontKey } from "../../src/keys/key.ts";
import { privateJwk } from "../../src/keys/key-material.ts";
import { cloudFrontSign } from "../../src/platform/node/node-crypto.ts";
import { customPolicy } from "../../src/signing/cloudfront/cloudfront-policy.ts";
import {
  type CloudFrontDistribution,
  type CloudFrontSign,
  type CloudFrontWire,
  cloudFrontWire,
} from "../../src/signing/cloudfront/wire-format.ts";

/**
 * URLs as `@aws-sdk/cloudfront-signer` writes them. Use it behind `cloudFrontSigner`, which refuses what the SDK signs
 * without an error. The SDK is slow to load: commands import this module when they need it.
 *
 * @param privateKey PEM
 */
export function sdkWire(distribution: CloudFrontDistribution, privateKey: string): CloudFrontWire {
  const credentials = { keyPairId: distribution.keyPairId, privateKey, algorithm: distribution.hash };
  return {
    canned: (url, expires) => getSignedUrl({ ...credentials, url, dateLessThan: milliseconds(expires) }),
    custom: (resource, window) => (url) => {
      const { expires, starts, address } = window;
      // The SDK writes the policy itself only for the URL that it signs, and only with a start or an address.
      if (resource !== url || (starts === undefined && address === undefined))
        return getSignedUrl({ ...credentials, url, policy: customPolicy(resource, window) });
      return getSignedUrl({
        ...credentials,
        url,
        dateLessThan: milliseconds(expires),
        ...(starts === undefined ? {} : { dateGreaterThan: milliseconds(starts) }),
        ...(address === undefined ? {} : { ipAddress: address }),
      });
    },
  };
}

/** The SDK reads a bare number as milliseconds. */
function milliseconds(time: UnixSeconds): number {
  return time * 1000;
}

const sampleUrl = "https://d111111abcdef8.cloudfront.net/film/v1/1.ts";

/**
 * Signs one URL with a CloudFront key by AWS's code and by ours, and returns the difference in one sentence, or undefined
 * where CloudFront cannot tell the two URLs apart. With RSA the URLs are the same bytes. An ECDSA signature is different
 * each time, so both have to be valid under the key's public half.
 */
export function differenceFromAws(
  key: CloudFrontKey,
  now: UnixSeconds,
  signWith: (privateKey: JsonWebKey) => CloudFrontSign = (privateKey) => cloudFrontSign({ ...privateKey }, "SHA256"),
): string | undefined {
  const jwk = privateJwk(key);
  if (jwk === undefined) return undefined;
  const privateKey = createPrivateKey({ key: { ...jwk }, format: "jwk" });
  const distribution = { baseUrl: new URL(sampleUrl).origin, keyPairId: key.kid, hash: "SHA256" } as const;
  const pem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  const policies: string[] = [];
  const sign = signWith(jwk);
  const recorded: CloudFrontSign = (policy) => {
    policies.push(policy);
    return sign(policy);
  };
  const expires = after(now, seconds(60));
  const theirs = sdkWire(distribution, pem).canned(sampleUrl, expires);
  const ours = cloudFrontWire(distribution, recorded).canned(sampleUrl, expires);
  if (withoutSignature(ours) !== withoutSignature(theirs)) return "The two URLs differ in more than their signature.";
  if (key.kty === "RSA") return ours === theirs ? undefined : "The two signatures differ.";
  const publicKey = createPublicKey(privateKey);
  const isValid = (url: string) =>
    policies.some((policy) => verify("sha256", Buffer.from(policy), publicKey, signatureOf(url)));
  if (!isValid(theirs)) return "AWS's code signs another policy.";
  return isValid(ours) ? undefined : "Our signature is not valid under the key's public half.";
}

function withoutSignature(url: string): string {
  return url.replace(/Signature=[^&]*/, "");
}

/** CloudFront's base64 has three characters of its own. */
function signatureOf(url: string): Buffer {
  const text = /Signature=([^&]*)/.exec(url)?.[1] ?? "";
  return Buffer.from(text.replaceAll("-", "+").replaceAll("_", "=").replaceAll("~", "/"), "base64");
}
