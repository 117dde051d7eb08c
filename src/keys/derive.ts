import { decodeBase64url } from "../base/base64url.ts";
import type { SessionKey } from "./key.ts";

/**
 * The keys that stand on a session key, one a purpose: HKDF-SHA256 (RFC 5869) without salt, info `stagedoor/v1/<purpose>`, 32
 * bytes each. None of them tells anything of another, or of the key itself.
 */
export async function derivedFrom(key: SessionKey): Promise<(purpose: string) => Promise<Uint8Array>> {
  const bytes = decodeBase64url(key.k);
  if (bytes === undefined) throw new TypeError(`session key "${key.kid}" was not checked before it was used`);
  const material = await crypto.subtle.importKey("raw", bytes, "HKDF", false, ["deriveBits"]);
  return async (purpose) => {
    const info = new TextEncoder().encode(`stagedoor/v1/${purpose}`);
    const algorithm = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info };
    return new Uint8Array(await crypto.subtle.deriveBits(algorithm, material, 256));
  };
}
