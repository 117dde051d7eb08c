import { maxTokenLength } from "../base/constants.ts";
import { decodeBase64url } from "../base/encoding.ts";
import { ok, type Refusal, type Result, refusal } from "../base/result.ts";
import type { Presented } from "./credential.ts";

/** What of a request its credential is read from. */
export interface CredentialAsked {
  readonly method: string;
  /** The whole address as it was asked for: DPoP's `htu`, and a token in its query is refused. */
  readonly url: string;
  readonly headers: Pick<Headers, "get">;
  readonly body: string | undefined;
}

const longestProof = 4096;

/**
 * What a request presents: a token in its Authorization header, or else the session cookie, where `cookies` says that there
 * is somebody to ask about it. A token that a client sends on purpose wins over a cookie that a browser adds by itself.
 *
 * `token_missing` where nothing of ours came, `token_invalid` for a token of no good form, `sign_in_required` for such a
 * cookie, `dpop_proof_invalid` for a DPoP token without a proof, and `request_invalid` for two credentials, for a token in
 * the query or the body (RFC 6750 §2, §3.1), and for what is malformed.
 */
export function readPresented(asked: CredentialAsked, cookies: boolean): Result<Presented, Refusal> {
  const { headers } = asked;
  if (hasStrayToken(asked.url, asked.body))
    return refusal(
      "request_invalid",
      "a token came in the query or the body: the Authorization header is its only place",
    );
  const authorization = readAuthorization(headers.get("Authorization"));
  if (!authorization.ok) return authorization;
  const found = authorization.value;
  if (found.is === "bearer") return ok({ is: "bearer", token: found.token, form: found.form });
  if (found.is === "dpop") {
    const proof = readProof(headers.get("DPoP"));
    return proof.ok ? ok({ is: "dpop", token: found.token, form: found.form, proof: proof.value }) : proof;
  }
  const cookie = cookies ? readSessionCookie(headers.get("Cookie")) : ok(undefined);
  if (!cookie.ok) return cookie;
  if (found.is === "foreign")
    return cookie.value === undefined
      ? refusal("token_missing", "the Authorization header is of another scheme")
      : // Whom the client wants to be is not known: it may well be somebody else than the browser is signed in as.
        refusal("request_invalid", "an Authorization header of another scheme came beside the session cookie");
  return cookie.value === undefined
    ? refusal("token_missing", "no credential came")
    : ok({ is: "cookie", cookie: cookie.value });
}

/** The header DPoP (RFC 9449 §4.3): one, and one JWS. */
function readProof(header: string | null): Result<string, Refusal> {
  if (header === null) return refusal("dpop_proof_invalid", "no header DPoP came with the token");
  const proof = header.trim();
  if (proof.includes(",")) return refusal("request_invalid", "more than one header DPoP came");
  if (proof.length > longestProof)
    return refusal("request_invalid", `the DPoP proof is longer than ${longestProof} characters`);
  return isJws(proof)
    ? ok(proof)
    : refusal("dpop_proof_invalid", "the DPoP proof is not three parts of canonical base64url");
}

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

const parameter = "access_token";

/**
 * Whether a token came where none is taken: as `access_token` in the query (RFC 6750 §2.3), where it ends up in logs and
 * histories, or in the body (§2.2), be that a form or JSON. RFC 6750 §2 leaves it to a resource which methods it takes
 * beside the header; here it is the header alone.
 */
function hasStrayToken(url: string, body: string | undefined): boolean {
  const question = url.indexOf("?");
  if (question >= 0 && new URLSearchParams(url.slice(question + 1)).has(parameter)) return true;
  // The flows read JSON whatever Content-Type says, so what it says does not matter here either.
  return body !== undefined && body !== "" && (inJson(body) ?? new URLSearchParams(body.trim()).has(parameter));
}

/** Undefined where the body is no JSON. */
function inJson(body: string): boolean | undefined {
  try {
    const document: unknown = JSON.parse(body);
    return typeof document === "object" && document !== null && Object.hasOwn(document, parameter);
  } catch {
    return undefined;
  }
}

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
  if (token.length > maxTokenLength)
    return refusal("token_invalid", `the token is longer than ${maxTokenLength} characters`);
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
