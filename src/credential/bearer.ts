import { decodeBase64url } from "../base/base64url.ts";
import { type Refusal, refusal } from "../base/refusal.ts";
import { ok, type Result } from "../base/result.ts";

const longestToken = 8192;

/**
 * The token of an Authorization header (RFC 6750 §2.1). `token_missing` where there is no Bearer credential at all,
 * `request_invalid` for a header that is malformed or holds two, `token_invalid` for a token that is no JWS in its one
 * spelling: base64url has several spellings of the same bytes, and whatever counts or forbids tokens must see one.
 */
export function readBearerToken(header: string | undefined): Result<string, Refusal> {
  if (header === undefined || header.trim() === "") return refusal("token_missing", "no Authorization header came");
  const [scheme = "", token, ...more] = header.trim().split(/ +/);
  if (scheme.toLowerCase() !== "bearer")
    return refusal("token_missing", "the Authorization header is of another scheme");
  if (token === undefined || more.length > 0 || token.includes(",")) {
    return refusal("request_invalid", "the Authorization header is not of the form `Bearer <token>`");
  }
  if (token.length > longestToken)
    return refusal("token_invalid", `the token is longer than ${longestToken} characters`);
  const parts = token.split(".");
  if (parts.length !== 3 || parts.some((part) => part === "" || decodeBase64url(part) === undefined)) {
    return refusal("token_invalid", "the token is not three parts of canonical base64url");
  }
  return ok(token);
}
