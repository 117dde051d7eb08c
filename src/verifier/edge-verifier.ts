import type { Bytes, Primitives, Verdict, VerifierClient, VerifierSettings } from "./verifier-types.ts";
import { verifyMediaUrl } from "./verify-media-url.ts";

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

/** {@link verifyMediaUrl} with an edge's own `crypto` and `Buffer`: the only export of the script that edges run. */
export function edgeVerifier(
  settings: VerifierSettings,
  crypto: EdgeCrypto,
  buffer: EdgeBuffer,
): (target: string, client: VerifierClient, now: number) => Verdict {
  const decode = (text: string) => buffer.from(text, "base64url");
  const primitives: Primitives = {
    decode,
    // Decoded again, because runtimes disagree about a digest without an encoding.
    mac: (key, message) => decode(crypto.createHmac("sha256", key).update(message).digest("base64url")),
    sha256: (text) => crypto.createHash("sha256").update(text).digest("base64url"),
  };
  return (target, client, now) => verifyMediaUrl(target, client, now, settings, primitives);
}
