import type { RingKey } from "../../src/keys/key.ts";
import { privateJwk, publicHalf } from "../../src/keys/public.ts";

const message = new TextEncoder().encode("do these halves belong together?");

/**
 * Whether a key's two halves belong together: what the private one signs holds under the public one. True for a symmetric
 * key and for a public half alone; false for halves that cannot even be imported.
 */
export async function halvesBelong(key: RingKey): Promise<boolean> {
  if (key.kty === "oct" || key.d === undefined) return true;
  const whole = key.kty === "RSA" ? privateJwk(key) : { kty: key.kty, crv: key.crv, x: key.x, y: key.y, d: key.d };
  const { kid: _, ...half } = publicHalf(key);
  if (whole === undefined) return false;
  const algorithm =
    key.kty === "RSA"
      ? { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" }
      : { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  try {
    const [signer, verifier] = await Promise.all([
      crypto.subtle.importKey("jwk", whole, algorithm, false, ["sign"]),
      crypto.subtle.importKey("jwk", half, algorithm, false, ["verify"]),
    ]);
    return await crypto.subtle.verify(
      algorithm,
      verifier,
      await crypto.subtle.sign(algorithm, signer, message),
      message,
    );
  } catch {
    return false;
  }
}
