import { encodeBase64url } from "../../base/base64url.ts";

/**
 * Names of subjects and bearer tokens in the revocation log that outlast the session keys, for starts: the keyed hashes of
 * grants are other ones under each key, and a key may have left the ring. They never stand in a URL.
 */
export function lastingSubject(issuer: string, subject: string): Promise<string> {
  return digest("subject", issuer, subject);
}

export function lastingToken(issuer: string, jti: string): Promise<string> {
  return digest("token", issuer, jti);
}

/** The name of an account of sign-in, by one spelling of its address, where attempts are counted: it does not say whose it is. */
export function lastingAccount(spelling: string): Promise<string> {
  return digest("account", spelling);
}

async function digest(...parts: readonly string[]): Promise<string> {
  const bytes = new TextEncoder().encode(JSON.stringify(parts));
  return encodeBase64url(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
}
