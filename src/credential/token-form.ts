import { decodeBase64url } from "../base/base64url.ts";
import { type Refusal, refusal } from "../base/refusal.ts";
import { ok, type Result } from "../base/result.ts";

const longestToken = 8192;

/** The characters of a bearer token (RFC 6750 §2.1), and `%`: better-auth gives its signed tokens out URL-encoded. */
const tokenCharacters = /^[A-Za-z0-9._~+/%-]+=*$/;

/** A token as it was presented. */
export interface ReadToken {
  readonly token: string;
  /** `jws` where it is one in its canonical spelling; every other token is opaque. */
  readonly form: "jws" | "opaque";
}

/**
 * A token by its form. What has two dots or more is taken for a JWS, and `token_invalid` unless it is one in its one
 * spelling: base64url has several spellings of the same bytes, and whatever counts, forbids or asks about tokens must see
 * one. `token_invalid` too for other characters than a token has, and for more than 8192 of them.
 */
export function readToken(token: string): Result<ReadToken, Refusal> {
  if (token.length > longestToken)
    return refusal("token_invalid", `the token is longer than ${longestToken} characters`);
  if (token.split(".", 3).length === 3)
    return isJws(token)
      ? ok({ token, form: "jws" })
      : refusal("token_invalid", "the token is not three parts of canonical base64url");
  return tokenCharacters.test(token)
    ? ok({ token, form: "opaque" })
    : refusal("token_invalid", "the token holds characters that no token has (RFC 6750 §2.1)");
}

/** Whether text is a JWS in its compact form (RFC 7515 §7.1), signed, and in its one canonical spelling. */
export function isJws(text: string): boolean {
  const parts = text.split(".");
  return parts.length === 3 && parts.every((part) => part !== "" && decodeBase64url(part) !== undefined);
}
