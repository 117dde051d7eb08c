import { type Refusal, refusal } from "../base/refusal.ts";
import { ok, type Result } from "../base/result.ts";

/** The identity worker's cookie. Browsers take `__Host-` from the site itself alone: no subdomain can put one in its place. */
export const sessionCookieName = "__Host-stagedoor.session_token";

/** RFC 6265 §4.1.1, with an end: better-auth's values have about 80 characters. */
const cookieValue = /^[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]{1,1024}$/;

/**
 * The session cookie of a Cookie header, as `name=value`, or undefined where none is there. As {@link readCookie}.
 */
export function readSessionCookie(header: string | null): Result<string | undefined, Refusal> {
  return readCookie(header, sessionCookieName);
}

/**
 * A cookie of the identity worker, by its exact name, as `name=value`, or undefined where none is there. `request_invalid`
 * where two have its name: which of them the browser's user is signed in with is anybody's guess, and an attacker's wish.
 * `sign_in_required` for a value that is no cookie's, since a new sign-in mends it.
 *
 * Nothing but spaces and tabs is cut off before a name: whoever trims all that Unicode calls white space takes what a
 * browser did not know for a `__Host-` cookie.
 */
export function readCookie(header: string | null, name: string): Result<string | undefined, Refusal> {
  const start = `${name}=`;
  const [pair, second] = (header ?? "")
    .split(";")
    .map((part) => part.replace(/^[ \t]+|[ \t]+$/g, ""))
    .filter((part) => part.startsWith(start));
  if (second !== undefined) return refusal("request_invalid", "two session cookies came");
  if (pair === undefined) return ok(undefined);
  return cookieValue.test(pair.slice(start.length))
    ? ok(pair)
    : refusal("sign_in_required", "the session cookie is malformed");
}
