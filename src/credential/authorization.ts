import { type Refusal, refusal } from "../base/refusal.ts";
import { ok, type Result } from "../base/result.ts";
import { type ReadToken, readToken } from "./token-form.ts";

/** What an Authorization header says. */
export type Authorization =
  | { readonly is: "none" }
  /** Basic and the like: a credential, but none that is taken here. */
  | { readonly is: "foreign" }
  | (ReadToken & { readonly is: "bearer" | "dpop" });

/**
 * The Authorization header (RFC 9110 §11.6.2) with a token of the scheme Bearer (RFC 6750 §2.1) or DPoP (RFC 9449 §7.1).
 * `request_invalid` where it is malformed or holds two credentials, as two headers do that were joined with a comma on
 * their way; `token_invalid` for a token of no good form.
 */
export function readAuthorization(header: string | null): Result<Authorization, Refusal> {
  const text = header?.trim() ?? "";
  if (text === "") return ok({ is: "none" });
  const [scheme = "", token, ...more] = text.split(/ +/);
  const is = schemeOf(scheme);
  // A second header that goes along behind another scheme is a second credential all the same.
  if (is === undefined && /,\s*(bearer|dpop)(\s|$)/i.test(text))
    return refusal("request_invalid", "more than one Authorization header came");
  if (is === undefined) return ok({ is: "foreign" });
  if (token === undefined || more.length > 0 || token.includes(","))
    return refusal("request_invalid", "the Authorization header is not one scheme and one token");
  const read = readToken(token);
  return read.ok ? ok({ ...read.value, is }) : read;
}

function schemeOf(text: string): "bearer" | "dpop" | undefined {
  const scheme = text.toLowerCase();
  return scheme === "bearer" || scheme === "dpop" ? scheme : undefined;
}
