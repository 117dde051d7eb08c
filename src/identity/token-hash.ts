import { encodeBase64url } from "../base/base64url.ts";

/** What is stored in the place of a refresh token or a code: the SHA-256 of its UTF-8 bytes in base64url. */
export async function storedToken(token: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(token));
  return encodeBase64url(new Uint8Array(digest));
}
