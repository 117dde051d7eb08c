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
 * Signs URLs with `@aws-sdk/cloudfront-signer`. Use it only inside `cloudFrontSigner`, which refuses invalid input that the SDK
 * would sign. The SDK is slow to load, so commands import this module on demand.
 *
 * @param privateKey PEM
 */
export function sdkWire(distribution: CloudFrontDistribution, privateKey: string): CloudFrontWire {
  const credentials = { keyPairId: distribution.keyPairId, privateKey, algorithm: distribution.hash };
  return {
    canned: (url, expires) => getSignedUrl({ ...credentials, url, dateLessThan: milliseconds(expires) }),
    custom: (resource, window) => (url) => {
      const { expires, starts, address } = window;
      // The SDK builds a policy only for the signed URL itself, and only if it has a start or an address.
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
 * Signs one URL with AWS's code and with ours, and returns the difference in one sentence, or undefined if there is none. RSA
 * URLs must be identical. ECDSA signatures always differ, so both must be valid under the key's public half.
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
  const recordingSign: CloudFrontSign = (policy) => {
    policies.push(policy);
    return sign(policy);
  };
  const expires = after(now, seconds(60));
  const awsUrl = sdkWire(distribution, pem).canned(sampleUrl, expires);
  const ourUrl = cloudFrontWire(distribution, recordingSign).canned(sampleUrl, expires);
  if (withoutSignature(ourUrl) !== withoutSignature(awsUrl)) return "The two URLs differ in more than their signature.";
  if (key.kty === "RSA") return ourUrl === awsUrl ? undefined : "The two signatures differ.";
  const publicKey = createPublicKey(privateKey);
  const isValid = (url: string) =>
    policies.some((policy) => verify("sha256", Buffer.from(policy), publicKey, signatureOf(url)));
  if (!isValid(awsUrl)) return "AWS's code signs another policy.";
  return isValid(ourUrl) ? undefined : "Our signature is not valid under the key's public half.";
}

function withoutSignature(url: string): string {
  return url.replace(/Signature=[^&]*/, "");
}

/** CloudFront's base64 replaces three characters that are special in URLs. */
function signatureOf(url: string): Buffer {
  const text = /Signature=([^&]*)/.exec(url)?.[1] ?? "";
  return Buffer.from(text.replaceAll("-", "+").replaceAll("_", "=").replaceAll("~", "/"), "base64");
}
