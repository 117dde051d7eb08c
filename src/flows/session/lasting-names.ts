import { encodeBase64url } from "../../base/base64url.ts";
import { sha256Of } from "../../base/hash.ts";

/**
 * Names of subjects and bearer tokens in the revocation log that outlast the session keys, for starts: the keyed hashes of
 * grants are other ones under each key, and a key may have left the ring. They never stand in a URL.
 */
export function lastingSubject(issuer: string, subject: string): string {
  return digest("subject", issuer, subject);
}

export function lastingToken(issuer: string, jti: string): string {
  return digest("token", issuer, jti);
}

/** The name of an account of sign-in, by one spelling of its address, where attempts are counted: it does not say whose it is. */
export function lastingAccount(spelling: string): string {
  return digest("account", spelling);
}

function digest(...parts: readonly string[]): string {
  return encodeBase64url(sha256Of(JSON.stringify(parts)));
}
