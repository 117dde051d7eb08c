import { createHash, createPrivateKey, hash, type JsonWebKey, type KeyObject, sign } from "node:crypto";
import type { MacPort, TextHash } from "../../base/crypto.ts";
import type { CloudFrontHash } from "../../signing/cloudfront/cloudfront-policy.ts";
import type { CloudFrontSign } from "../../signing/cloudfront/wire-format.ts";

const blockLength = 64;
const digestLength = 32;
/** Messages up to this length share a reused buffer; a URL's message has about 250 bytes. */
const usualLength = 2048;

/**
 * HMAC-SHA256 for Node, where creating an Hmac object costs more than the hashing: the two hashes of RFC 2104 §2,
 * `H(K ^ opad, H(K ^ ipad, text))`, with node:crypto's one-shot SHA-256, in about half the time of createHmac. The hash
 * is OpenSSL's; tests compare the composition with the RFC's vectors and with createHmac. Workers use `noble-hmac.ts`,
 * which is faster there.
 */
export const oneShotHmac: MacPort = (key) => {
  const padded = Buffer.alloc(blockLength);
  padded.set(key.length > blockLength ? hash("sha256", key, "buffer") : key);
  const innerPad = padded.map((byte: number) => byte ^ 0x36);
  const outer = Buffer.concat([padded.map((byte: number) => byte ^ 0x5c)], blockLength + digestLength);
  const usual = Buffer.concat([innerPad], blockLength + usualLength);
  const views: Buffer[] = [];

  /** The padded key, then the message. The code is synchronous, so two messages cannot share the buffer. */
  const inner = (message: string | Uint8Array): Buffer => {
    if (message.length * 3 > usualLength) return Buffer.concat([innerPad, Buffer.from(message)]);
    let length = blockLength;
    if (typeof message === "string") length += usual.write(message, blockLength);
    else {
      usual.set(message, blockLength);
      length += message.length;
    }
    const view = views[length] ?? usual.subarray(0, length);
    views[length] = view;
    return view;
  };

  const outerOf = (message: string | Uint8Array): Buffer => {
    // Hex, since a digest as text needs no buffer of its own.
    outer.write(hash("sha256", inner(message), "hex"), blockLength, "hex");
    return outer;
  };
  return Object.assign((message: string | Uint8Array): Uint8Array => hash("sha256", outerOf(message), "buffer"), {
    base64url: (message: string): string => hash("sha256", outerOf(message), "base64url"),
  });
};

/** SHA-256 by node:crypto, in Node and in workerd (under nodejs_compat). */
export const nodeSha256: TextHash = (text) => createHash("sha256").update(text).digest("base64url");

/**
 * Prepares a private key, a JWK or PEM (PKCS #8, PKCS #1 or SEC 1). Signs synchronously, in Node and, with
 * `nodejs_compat`, in workerd. Throws a TypeError that quotes nothing of the key if it is not a private key of RSA 2048
 * or P-256: CloudFront accepts no other ("Create key pairs for your signers").
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
  if (!isRsa2048 && !isP256) throw new TypeError("CloudFront accepts RSA keys of 2048 bits and P-256 keys alone");
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
