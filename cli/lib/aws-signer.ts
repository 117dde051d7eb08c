import { getSignedUrl } from "@aws-sdk/cloudfront-signer";
import type { UnixSeconds } from "../../src/base/time.ts";
import { customPolicy } from "../../src/signing/cloudfront/cloudfront-policy.ts";
import type { CloudFrontDistribution, CloudFrontWire } from "../../src/signing/cloudfront/wire-format.ts";

/**
 * The wire that `@aws-sdk/cloudfront-signer` writes: what ours is held against in tests, and the vendor's own code for
 * whoever wants it. It stands behind `cloudFrontSigner`, which stops what the SDK passes over in silence. It parses the
 * key for each URL.
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

/** The SDK takes a bare number for milliseconds. */
function milliseconds(time: UnixSeconds): number {
  return time * 1000;
}
