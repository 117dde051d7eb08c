import { createPrivateKey, type JsonWebKey, type KeyObject, sign } from "node:crypto";
import type { CloudFrontHash } from "../../signing/cloudfront/policy.ts";
import type { CloudFrontSign } from "../../signing/cloudfront/wire.ts";

/**
 * A private key made ready once, as a JWK or as PEM (PKCS #8, PKCS #1 or SEC 1). Signs synchronously, in Node and, with
 * `nodejs_compat`, in workerd. Throws a TypeError, which quotes nothing of it, for a key that is not private or not RSA of
 * 2048 bits or P-256: CloudFront takes no other ("Create key pairs for your signers").
 */
export function cloudFrontSign(privateKey: JsonWebKey | string, hash: CloudFrontHash): CloudFrontSign {
  const key = readPrivateKey(privateKey);
  const digest = hash === "SHA256" ? "sha256" : "sha1";
  const utf8 = new TextEncoder();
  return (policy) => sign(digest, utf8.encode(policy), key);
}

function readPrivateKey(privateKey: JsonWebKey | string): KeyObject {
  const key = parsed(privateKey);
  const { modulusLength, namedCurve } = key.asymmetricKeyDetails ?? {};
  const isRsa2048 = key.asymmetricKeyType === "rsa" && modulusLength === 2048;
  const isP256 = key.asymmetricKeyType === "ec" && namedCurve === "prime256v1";
  if (!isRsa2048 && !isP256) throw new TypeError("CloudFront takes RSA keys of 2048 bits and P-256 keys alone");
  return key;
}

function parsed(privateKey: JsonWebKey | string): KeyObject {
  try {
    return typeof privateKey === "string"
      ? createPrivateKey(privateKey)
      : createPrivateKey({ key: privateKey, format: "jwk" });
  } catch {
    throw new TypeError("the CloudFront key cannot be read as a private key");
  }
}
