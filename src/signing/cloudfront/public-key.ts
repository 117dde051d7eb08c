import { ok, type Result, refuse } from "../../base/result.ts";
import type { CloudFrontHash } from "./cloudfront-policy.ts";

/** Verifies a signature (RSASSA-PKCS1-v1_5, or ECDSA in DER) of a message under one public key. */
export type CloudFrontPublicKey = (
  hash: CloudFrontHash,
  signature: Uint8Array<ArrayBuffer>,
  message: Uint8Array<ArrayBuffer>,
) => Promise<boolean>;

const rsa = "RSASSA-PKCS1-v1_5";
const hashNames = { SHA1: "SHA-1", SHA256: "SHA-256" } as const;

/**
 * Imports a public key for both hashes, once, before the first request. Accepts a JWK, of which only the public members
 * are read, or SubjectPublicKeyInfo. The refusal names what CloudFront does not accept: anything except RSA of 2048
 * bits and P-256 ("Create key pairs for your signers").
 */
export async function importCloudFrontPublicKey(
  key: JsonWebKey | Uint8Array<ArrayBuffer>,
): Promise<Result<CloudFrontPublicKey, string>> {
  const rsaKeys = await Promise.all([importRsa(key, "SHA-1"), importRsa(key, "SHA-256")]);
  const [forSha1, forSha256] = rsaKeys;
  if (forSha1 !== undefined && forSha256 !== undefined) {
    if (!("modulusLength" in forSha1.algorithm) || forSha1.algorithm.modulusLength !== 2048)
      return refuse("CloudFront accepts only RSA keys of 2048 bits");
    return ok((hash, signature, message) =>
      crypto.subtle.verify(rsa, hash === "SHA1" ? forSha1 : forSha256, signature, message),
    );
  }
  const p256 = await importP256(key);
  if (p256 === undefined) return refuse("the key is neither RSA of 2048 bits nor P-256");
  return ok(async (hash, signature, message) => {
    const raw = rawFromDer(signature);
    if (raw === undefined) return false;
    return crypto.subtle.verify({ name: "ECDSA", hash: hashNames[hash] }, p256, raw, message);
  });
}

function importRsa(key: JsonWebKey | Uint8Array<ArrayBuffer>, hash: string): Promise<CryptoKey | undefined> {
  const algorithm = { name: rsa, hash };
  if (key instanceof Uint8Array) return orNone(crypto.subtle.importKey("spki", key, algorithm, false, ["verify"]));
  const { kty, n, e } = key;
  if (kty !== "RSA" || n === undefined || e === undefined) return Promise.resolve(undefined);
  return orNone(crypto.subtle.importKey("jwk", { kty, n, e }, algorithm, false, ["verify"]));
}

function importP256(key: JsonWebKey | Uint8Array<ArrayBuffer>): Promise<CryptoKey | undefined> {
  const algorithm = { name: "ECDSA", namedCurve: "P-256" };
  if (key instanceof Uint8Array) return orNone(crypto.subtle.importKey("spki", key, algorithm, false, ["verify"]));
  const { kty, crv, x, y } = key;
  if (kty !== "EC" || crv !== "P-256" || x === undefined || y === undefined) return Promise.resolve(undefined);
  return orNone(crypto.subtle.importKey("jwk", { kty, crv, x, y }, algorithm, false, ["verify"]));
}

async function orNone(imported: Promise<CryptoKey>): Promise<CryptoKey | undefined> {
  try {
    return await imported;
  } catch {
    return undefined;
  }
}

const sequence = 0x30;
const integer = 0x02;
const coordinate = 32;

/**
 * Converts a P-256 signature from DER (RFC 3279 §2.2.3) to the 64 bytes r‖s of WebCrypto. Undefined unless the DER is
 * canonical (X.690 §10, §8.3): no long lengths, needless leading zeros, negative or empty numbers, or trailing bytes.
 * Otherwise one signature could be written in many ways.
 */
export function rawFromDer(der: Uint8Array): Uint8Array<ArrayBuffer> | undefined {
  if (der[0] !== sequence || der[1] !== der.length - 2) return undefined;
  const raw = new Uint8Array(2 * coordinate);
  const second = readInteger(der, 2, raw, 0);
  if (second === undefined) return undefined;
  return readInteger(der, second, raw, coordinate) === der.length ? raw : undefined;
}

/**
 * Copies the INTEGER at `at` right-aligned to its place in `raw` and returns the position after it. A truncated one
 * ends after the DER, where the caller finds neither another INTEGER nor the end.
 */
function readInteger(der: Uint8Array, at: number, raw: Uint8Array, place: number): number | undefined {
  const length = der[at + 1] ?? 0;
  const end = at + 2 + length;
  if (der[at] !== integer || length === 0) return undefined;
  const first = der[at + 2] ?? 0;
  if (first >= 0x80) return undefined;
  if (first === 0 && (length === 1 || (der[at + 3] ?? 0) < 0x80)) return undefined;
  const digits = der.subarray(first === 0 ? at + 3 : at + 2, end);
  if (digits.length > coordinate) return undefined;
  raw.set(digits, place + coordinate - digits.length);
  return end;
}
