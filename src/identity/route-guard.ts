import { isObject, readJson, requestText, shownMember } from "../base/body-text.ts";
import { identityPath, maxTokenLength } from "../base/constants.ts";
import { utf8 } from "../base/encoding.ts";
import { ok, type Refusal, type Result } from "../base/result.ts";

/**
 * The open routes with the members that their bodies may have: those that better-auth's own client and first-party apps
 * use. The library has many more routes, to administer clients, introspect tokens or send mail. None of them is open.
 */
export const openRoutes: ReadonlyMap<string, readonly string[]> = new Map([
  ["POST /sign-up/email", ["name", "email", "password", "image", "callbackURL", "rememberMe"]],
  ["POST /sign-in/email", ["email", "password", "callbackURL", "rememberMe"]],
  ["POST /sign-out", ["callbackURL", "disableRedirect", "state"]],
  ["GET /get-session", []],
  ["GET /list-sessions", []],
  ["POST /revoke-session", ["token"]],
  ["POST /revoke-sessions", []],
  ["POST /revoke-other-sessions", []],
  ["POST /update-user", ["name", "image"]],
  ["POST /change-password", ["currentPassword", "newPassword", "revokeOtherSessions"]],
  ["POST /verify-password", ["password"]],
  ["GET /token", []],
  ["GET /jwks", []],
  ["GET /oauth2/authorize", []],
  // OAuth forms: unknown parameters are ignored (RFC 6749 §3.2).
  ["POST /oauth2/token", []],
  ["POST /oauth2/revoke", []],
  // The redirect target for an authorization request without a known client.
  ["GET /error", []],
]);

/** The library's client adds this member to every body on a page that an authorization request has led to. */
const everywhere = "oauth_query";

/** Maximum size of a body in bytes, the same as the API's. */
const longestBody = 65_536;

/** Maximum length of a query: an authorization request's parameters are stored until its code is used. */
const longestQuery = 4096;

/** The form of a `client_id`. Clients are public and send nothing else (RFC 6749 §5.2). */
const clientForm = /^[A-Za-z0-9._-]{1,64}$/;
/** The form of an issued token. Any other spelling is refused. */
const tokenForm = /^[A-Za-z0-9._~-]{1,512}$/;
/** The members that only a confidential client would send. */
const secrets = ["client_secret", "client_assertion", "client_assertion_type"];

/**
 * Accepts a request only if this service and the library parse it in the same way, and returns the request for the
 * library. Otherwise it returns the refusal: 404 for a route that is not open, 414 for a long query, 415 for a body
 * that is neither JSON nor a form in UTF-8, 400 for a body that {@link requestText} refuses or that has an unknown
 * member, and an error of RFC 6749 §5.2 for an ambiguous form to `/oauth2/token` or `/oauth2/revoke`.
 */
export async function guardRoute(request: Request): Promise<Request | Response> {
  const { pathname, search } = new URL(request.url);
  const path = pathname.startsWith(`${identityPath}/`) ? pathname.slice(identityPath.length) : "";
  const members = openRoutes.get(`${request.method} ${path}`);
  if (members === undefined) return answer(404, { code: "NOT_FOUND", message: "No such route." });
  if (search.length > longestQuery) return answer(414, { code: "URI_TOO_LONG", message: "The query is too long." });
  if (path !== "/oauth2/token" && path !== "/oauth2/revoke") {
    if (request.body === null) return request;
    const type = bodyOf(request);
    if (type === undefined)
      return answer(415, { code: "UNSUPPORTED_MEDIA_TYPE", message: "The body is JSON or a form, in UTF-8." });
    const text = await requestText(request, longestBody);
    if (!text.ok) return answer(400, { code: "BODY_INVALID", message: text.refusal.reason });
    const unknown = namesIn(text.value, type).find((name) => name !== everywhere && !members.includes(name));
    return unknown === undefined ? withBody(request, text.value) : unknownMember(unknown);
  }
  if (bodyOf(request) !== "form") return oauthError("invalid_request", "send the parameters as a form in UTF-8", 415);
  const form = await formOf(request);
  if (!form.ok) return oauthError("invalid_request", form.refusal.reason);
  const fault = faultOf(form.value, path) ?? faultAround(request, search);
  if (fault !== undefined) return fault;
  // Serialized from the checked parameters, so that the library cannot parse the same bytes differently.
  const plain = withBody(request, form.value.toString());
  plain.headers.set("Content-Type", "application/x-www-form-urlencoded");
  return plain;
}

/** The names of a body's members; none if it is not a JSON object, which the library refuses. */
function namesIn(text: string, type: "json" | "form"): readonly string[] {
  if (type === "form") return [...new URLSearchParams(text).keys()];
  const document = readJson(text);
  return document.ok && isObject(document.value) ? Object.keys(document.value) : [];
}

/** Otherwise a misspelt `revokeOtherSessions` would change the password without signing out any other device. */
function unknownMember(name: string): Response {
  return answer(400, { code: "MEMBER_UNKNOWN", message: `${shownMember(name)}: no such member` });
}

/** The parameters of a form. */
export async function formOf(request: Request): Promise<Result<URLSearchParams, Refusal<"body_invalid">>> {
  const text = await requestText(request, longestBody);
  return text.ok ? ok(new URLSearchParams(text.value)) : text;
}

function withBody({ url, method, headers }: Request, text: string): Request {
  const passed = new Request(url, { method, headers, body: text === "" ? null : utf8(text) });
  passed.headers.delete("Content-Length");
  return passed;
}

/** The body's format by its Content-Type; undefined for another format or character set. */
function bodyOf({ headers }: Request): "json" | "form" | undefined {
  const type = /^application\/(json|x-www-form-urlencoded)(?:\s*;\s*charset="?utf-8"?)?$/i.exec(
    headers.get("Content-Type") ?? "",
  );
  if (type === null) return undefined;
  return type[1]?.toLowerCase() === "json" ? "json" : "form";
}

/**
 * Runs before the family's turn is looked up and before every other rule, because the library is lenient: it trims
 * values, uses the last of two, and so on.
 */
function faultOf(form: URLSearchParams, path: string): Response | undefined {
  const names = [...form.keys()];
  if (new Set(names).size < names.length) return oauthError("invalid_request", "send each parameter once");
  if (path === "/oauth2/token") {
    const grantType = form.get("grant_type");
    if (grantType === null) return oauthError("invalid_request", "there is no grant_type");
    if (grantType !== "authorization_code" && grantType !== "refresh_token")
      return oauthError("unsupported_grant_type", "it is authorization_code or refresh_token");
    const token = form.get("refresh_token");
    if (grantType === "refresh_token" && token === null)
      return oauthError("invalid_request", "there is no refresh_token");
    if (token !== null && !tokenForm.test(token)) return oauthError("invalid_grant", "this is no refresh token");
  } else {
    const token = form.get("token") ?? "";
    if (token === "") return oauthError("invalid_request", "there is no token");
    if (token.length > maxTokenLength) return oauthError("unsupported_token_type", "no token is that long");
  }
  if (!clientForm.test(form.get("client_id") ?? "")) return oauthError("invalid_client", "there is no such client_id");
  if (secrets.some((name) => form.has(name))) return oauthError("invalid_client", "the clients hold no secret");
  return undefined;
}

function faultAround({ headers }: Request, search: string): Response | undefined {
  if (search !== "") return oauthError("invalid_request", "send the parameters in the body");
  if (!headers.has("Authorization")) return undefined;
  const refused = oauthError("invalid_client", "the clients hold no secret", 401);
  refused.headers.set("WWW-Authenticate", "Basic");
  return refused;
}

function oauthError(error: string, error_description: string, status = 400): Response {
  return answer(status, { error, error_description });
}

function answer(status: number, body: object): Response {
  return Response.json(body, { status, headers: { "Cache-Control": "no-store" } });
}
