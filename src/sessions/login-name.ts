import { encodeBase64url } from "../base/base64url.ts";
import { sha256Of } from "../base/hash.ts";

/**
 * The name of a login, the session of sign-in that an issuer's `sid` tells of, in grants and in the revocation log: 128 bits,
 * base64url. It needs no key: a `sid` is random, so nobody finds it from its hash, and who appends a sign-out to the log need
 * not hold the ring.
 */
export function loginName(issuer: string, sid: string): string {
  return encodeBase64url(sha256Of(JSON.stringify(["login", issuer, sid])).subarray(0, 16));
}
