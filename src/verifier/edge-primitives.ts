import type { Bytes, Primitives } from "./verifier-types.ts";

interface Digest {
  update(data: Bytes | string): Digest;
  digest(encoding: "base64url"): string;
}

/** The `crypto` module of Node, njs and CloudFront Functions, as far as they agree. */
export interface EdgeCrypto {
  createHmac(algorithm: "sha256", key: Bytes): Digest;
  createHash(algorithm: "sha256"): Digest;
}

/** Their `Buffer`. */
export interface EdgeBuffer {
  from(text: string, encoding: "base64url"): Bytes;
}

/** The verifier's cryptography by an edge's own `crypto` and `Buffer`. */
export function edgePrimitives(crypto: EdgeCrypto, buffer: EdgeBuffer): Primitives {
  const decode = (text: string) => buffer.from(text, "base64url");
  return {
    decode,
    // Decoded again, because runtimes disagree about a digest without an encoding.
    mac: (key, message) => decode(crypto.createHmac("sha256", key).update(message).digest("base64url")),
    sha256: (text) => crypto.createHash("sha256").update(text).digest("base64url"),
  };
}
