import { maxTokenLength } from "../base/constants.ts";
import { decodeBase64url } from "../base/encoding.ts";
import { ok, type Refusal, type Result, refusal } from "../base/result.ts";
import type { Presented } from "./credential.ts";

/** The parts of a request that its credential is read from. */
export interface CredentialRequest {
  readonly method: string;
  /** The whole request URL: for DPoP's `htu`, and to refuse a token in the query. */
  readonly url: string;
  readonly headers: Pick<Headers, "get">;
  readonly body: string | undefined;
}

const longestProof = 4096;

/**
 * `token_missing`: there is no credential. `token_invalid` and `sign_in_required`: the token or the cookie is
 * malformed. `dpop_proof_invalid`: a DPoP token came without a proof. `request_invalid`: two credentials, a token in
 * the query or the body (RFC 6750 §2, §3.1), or a malformed header.
 */
export type PresentedRefusal = Refusal<
  "token_missing" | "token_invalid" | "sign_in_required" | "dpop_proof_invalid" | "request_invalid"
>;

/**
 * Reads a request's credential: a token in the Authorization header, or else the session cookie if `cookies` is true. A
 * token that a client sends on purpose wins over a cookie that a browser adds by itself.
 */
export function readPresented(request: CredentialRequest, cookies: boolean): Result<Presented, PresentedRefusal> {
  const { headers } = request;
  const stray = strayToken(request.url, request.body);
  if (stray !== undefined)
    return refusal(
      "request_invalid",
      "a token came in the query or the body: the Authorization header is its only place",
      `access_token: Send the token in the Authorization header, not in the ${stray}, which logs may keep.`,
    );
  const authorization = readAuthorization(headers.get("Authorization"));
  if (!authorization.ok) return authorization;
  const parsed = authorization.value;
  if (parsed.kind === "bearer") return ok({ kind: "bearer", token: parsed.token, form: parsed.form });
  if (parsed.kind === "dpop") {
    const proof = readProof(headers.get("DPoP"));
    return proof.ok ? ok({ kind: "dpop", token: parsed.token, form: parsed.form, proof: proof.value }) : proof;
  }
  const cookie = cookies ? readSessionCookie(headers.get("Cookie")) : ok(undefined);
  if (!cookie.ok) return cookie;
  if (parsed.kind === "foreign")
    return cookie.value === undefined
      ? refusal("token_missing", "the Authorization header is of another scheme", parsed.advice)
      : // The client's intended identity is unknown: it may differ from the browser's signed-in user.
        refusal(
          "request_invalid",
          "an Authorization header with another scheme came with the session cookie",
          `${parsed.advice} Or omit it: the session cookie is a credential already.`,
        );
  return cookie.value === undefined
    ? refusal("token_missing", "no credential came")
    : ok({ kind: "cookie", cookie: cookie.value });
}

/** The DPoP header (RFC 9449 §4.3): exactly one, with one JWS. */
function readProof(header: string | null): Result<string, Refusal<"dpop_proof_invalid" | "request_invalid">> {
  if (header === null) return refusal("dpop_proof_invalid", "no header DPoP came with the token");
  const proof = header.trim();
  if (proof.includes(","))
    return refusal("request_invalid", "more than one header DPoP came", "DPoP: Send one header.");
  if (proof.length > longestProof)
    return refusal(
      "request_invalid",
      `the DPoP proof is longer than ${longestProof} characters`,
      `DPoP: Use at most ${longestProof} characters.`,
    );
  return isJws(proof)
    ? ok(proof)
    : refusal("dpop_proof_invalid", "the DPoP proof is not three parts of canonical base64url");
}

/** The content of an Authorization header. */
export type Authorization =
  | { readonly kind: "none" }
  /** Another scheme, such as Basic, or none: a credential that is not accepted here. `advice` is for the client. */
  | { readonly kind: "foreign"; readonly advice: string }
  | (ReadToken & { readonly kind: "bearer" | "dpop" });

/**
 * Parses the Authorization header (RFC 9110 §11.6.2) with the scheme Bearer (RFC 6750 §2.1) or DPoP (RFC 9449 §7.1).
 * Two credentials, such as two headers that a proxy joined with a comma, are `request_invalid`.
 */
export function readAuthorization(
  header: string | null,
): Result<Authorization, Refusal<"request_invalid"> | Refusal<"token_invalid">> {
  const text = header?.trim() ?? "";
  if (text === "") return ok({ kind: "none" });
  const [scheme = "", token, ...more] = text.split(/ +/);
  const kind = schemeOf(scheme);
  // A second header after one of another scheme is still a second credential.
  if (kind === undefined && /,\s*(bearer|dpop)(\s|$)/i.test(text))
    return refusal("request_invalid", "more than one Authorization header came", oneHeader);
  if (kind === undefined) return ok({ kind: "foreign", advice: schemeAdvice(scheme, token) });
  if (token === undefined)
    return refusal(
      "request_invalid",
      "the Authorization header has a scheme and no token",
      `Authorization: Send a token after ${kind === "bearer" ? "Bearer" : "DPoP"}, which has none.`,
    );
  if (more.length > 0 || token.includes(","))
    return refusal(
      "request_invalid",
      "the Authorization header is not one scheme and one token",
      token.includes(",") ? oneHeader : "Authorization: Send one scheme and one token, without spaces in the token.",
    );
  const read = readToken(token);
  return read.ok ? ok({ ...read.value, kind }) : read;
}

const oneHeader = "Authorization: Send one header with one token.";

/** Schemes that a response may name. Anything else may be a token, or a part of one. */
const otherScheme = /^(?:basic|digest|negotiate|token|jwt|apikey|hmac|mutual)$/i;

function schemeAdvice(scheme: string, token: string | undefined): string {
  if (token === undefined && !otherScheme.test(scheme))
    return "Authorization: Write the scheme Bearer and a space before the token.";
  return `Authorization: Use the scheme Bearer or DPoP${otherScheme.test(scheme) ? `, not ${scheme}` : ""}.`;
}

function schemeOf(text: string): "bearer" | "dpop" | undefined {
  const scheme = text.toLowerCase();
  return scheme === "bearer" || scheme === "dpop" ? scheme : undefined;
}

const parameter = "access_token";

/**
 * The forbidden place of a token: as `access_token` in the query (RFC 6750 §2.3), from where it leaks into
 * logs and histories, or in a form or JSON body (§2.2). Only the header is accepted here.
 */
function strayToken(url: string, body: string | undefined): "query" | "body" | undefined {
  const question = url.indexOf("?");
  if (question >= 0 && new URLSearchParams(url.slice(question + 1)).has(parameter)) return "query";
  if (body === undefined || body === "") return undefined;
  // Handlers parse JSON whatever Content-Type says, so Content-Type is ignored here too.
  return (inJson(body) ?? new URLSearchParams(body.trim()).has(parameter)) ? "body" : undefined;
}

/** Undefined if the body is not JSON. */
function inJson(body: string): boolean | undefined {
  try {
    const document: unknown = JSON.parse(body);
    return typeof document === "object" && document !== null && Object.hasOwn(document, parameter);
  } catch {
    return undefined;
  }
}

/** The identity worker's cookie. Browsers accept `__Host-` only from the site itself: no subdomain can replace it. */
export const sessionCookieName = "__Host-stagedoor.session_token";

/** RFC 6265 §4.1.1, with a maximum length: better-auth's values have about 80 characters. */
const cookieValue = /^[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]{1,1024}$/;

/**
 * `request_invalid`: two cookies have the name. `sign_in_required`: the value is malformed, and a new sign-in replaces
 * it.
 */
export type CookieRefusal = Refusal<"request_invalid"> | Refusal<"sign_in_required">;

/** The session cookie of a Cookie header as `name=value`, or undefined if absent. See {@link readCookie}. */
export function readSessionCookie(header: string | null): Result<string | undefined, CookieRefusal> {
  return readCookie(header, sessionCookieName);
}

/**
 * A cookie of the identity worker, by its exact name, as `name=value`, or undefined if absent. Two cookies of that name
 * are refused: an attacker may have planted one of them.
 *
 * Only spaces and tabs are trimmed before a name. Trimming all Unicode white space would accept a cookie that the
 * browser did not treat as `__Host-`.
 */
export function readCookie(header: string | null, name: string): Result<string | undefined, CookieRefusal> {
  const start = `${name}=`;
  const [pair, second] = (header ?? "")
    .split(";")
    .map((part) => part.replace(/^[ \t]+|[ \t]+$/g, ""))
    .filter((part) => part.startsWith(start));
  if (second !== undefined)
    return refusal("request_invalid", "two session cookies came", `Cookie: Send one cookie ${name}.`);
  if (pair === undefined) return ok(undefined);
  return cookieValue.test(pair.slice(start.length))
    ? ok(pair)
    : refusal("sign_in_required", "the session cookie is malformed");
}

/** The characters of a bearer token (RFC 6750 §2.1), and `%`, because better-auth URL-encodes its signed tokens. */
const tokenCharacters = /^[A-Za-z0-9._~+/%-]+=*$/;

/** A token as it was presented. */
export interface ReadToken {
  readonly token: string;
  /** `jws` for a JWS in its canonical spelling; every other token is opaque. */
  readonly form: "jws" | "opaque";
}

/**
 * Classifies a token by its form. A token with two dots or more must be a JWS in its canonical spelling: base64url has
 * several spellings of the same bytes, and rate limits, revocations and introspection must all see the same one.
 */
export function readToken(token: string): Result<ReadToken, Refusal<"token_invalid">> {
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

/** Whether text is a signed JWS in compact form (RFC 7515 §7.1) and in its canonical spelling. */
export function isJws(text: string): boolean {
  const parts = text.split(".");
  return parts.length === 3 && parts.every((part) => part !== "" && decodeBase64url(part) !== undefined);
}
