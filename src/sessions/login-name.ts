import { encodeBase64url } from "../base/base64url.ts";

/**
 * The name of a login, the session of sign-in that an issuer's `sid` tells of, in grants and in the revocation log: 128 bits,
 * base64url. It needs no key: a `sid` is random, so nobody finds it from its hash, and who appends a sign-out to the log need
 * not hold the ring.
 */
export async function loginName(issuer: string, sid: string): Promise<string> {
  const bytes = new TextEncoder().encode(JSON.stringify(["login", issuer, sid]));
  const digest = await crypto.subtle.digest("SHA-256", bytes);
  return encodeBase64url(new Uint8Array(digest, 0, 16));
}
