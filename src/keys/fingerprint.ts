import { calculateJwkThumbprint } from "jose";
import { encodeBase64url } from "../base/base64url.ts";
import { derivedFrom } from "./derive.ts";
import type { RingKey } from "./key.ts";
import { publicHalf } from "./public.ts";

/**
 * By what two people compare a key without seeing it. Of a pair it is the thumbprint of the public half (RFC 7638), SHA-256 in
 * base64url; of a session key, which has none, the first 8 bytes of what is derived from it for the purpose `fingerprint`.
 * Session keys are 32 random bytes, so nobody finds one by trying.
 */
export async function fingerprintOf(key: RingKey): Promise<string> {
  if (key.purpose !== "session") {
    const { kid: _, ...jwk } = publicHalf(key);
    return calculateJwkThumbprint(jwk, "sha256");
  }
  const derived = await derivedFrom(key);
  return encodeBase64url((await derived("fingerprint")).subarray(0, 8));
}
