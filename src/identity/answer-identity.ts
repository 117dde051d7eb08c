import { betterAuth } from "better-auth";
import { readAuthorization, readCookie, readSessionCookie } from "../auth/read-credential.ts";
import { identityPath, maxTokenLength } from "../base/constants.ts";
import { ok, type Refusal, type Result, refusal, refuse } from "../base/result.ts";
import { unixMilliseconds } from "../base/time.ts";
import { type IdentityParts, identityOptions } from "./options.ts";
import { familyOf, findRefreshRow, storedToken, type Turn } from "./refresh-tokens.ts";
import { formOf, guardRoute } from "./route-guard.ts";
import { briefCookieName, keepSessionCookie } from "./session-rules.ts";

/** Responses are not pages, and the library's contain words of the request: no scripts, no frames. */
const harmless = {
  "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
};

/** Handles one request to `/api/auth/*`. */
export async function answerIdentity(request: Request, parts: IdentityParts): Promise<Response> {
  const guarded = await guardRoute(request);
  if (guarded instanceof Response) return guarded;
  if (parts.settings.signUp !== "open" && new URL(guarded.url).pathname === `${identityPath}/sign-up/email`)
    return closed();
  const one = withOneCredential(guarded);
  if (!one.ok) return notSo(one.refusal.reason);
  let failed = false;
  const onStoreFailure = () => {
    failed = true;
  };
  const answer = await answerOf(one.value, { ...parts, onStoreFailure });
  // Without any header of the response: a failed sign-out must not delete the cookie that a retry needs.
  if (answer.status >= 500 || failed) return notNow();
  const response = new Response(answer.body, answer);
  keepSessionCookie(response.headers);
  for (const [name, value] of Object.entries(harmless)) response.headers.set(name, value);
  response.headers.set("Cache-Control", response.headers.get("Cache-Control") ?? "no-store");
  return response;
}

/**
 * The response to a server failure, usually a store that is down: 503, so that the client retries and keeps its
 * credential.
 */
export function notNow(): Response {
  const headers = { "Retry-After": "5", "Cache-Control": "no-store" };
  return Response.json({ code: "STORE_UNAVAILABLE", message: "Try again later." }, { status: 503, headers });
}

/**
 * The turn of a request that uses a refresh token (RFC 6749 §6) or revokes one (RFC 7009): such requests of one family
 * run one after another. Undefined if the token is missing or unknown. It rejects if the database does not answer.
 */
export async function turnOf(request: Request, parts: IdentityParts): Promise<Turn | undefined> {
  const { pathname } = new URL(request.url);
  const revoked = pathname === `${identityPath}/oauth2/revoke`;
  if (request.method !== "POST" || !(revoked || pathname === `${identityPath}/oauth2/token`)) return undefined;
  const since = unixMilliseconds(Date.now());
  const form = await formOf(request.clone());
  const token = form.ok ? form.value.get(revoked ? "token" : "refresh_token") : null;
  if (token === null || token.length > maxTokenLength) return undefined;
  const { adapter } = await betterAuth(identityOptions(parts)).$context;
  const row = await findRefreshRow(adapter, await storedToken(token));
  return row === undefined ? undefined : { family: familyOf(row), since };
}

/**
 * A clearer response than the library's 400. The library refuses as well (`disableSignUp`), in case it has another way
 * to create an account.
 */
function closed(): Response {
  const refused = { code: "SIGN_UP_CLOSED", message: "Sign-up is closed. Ask the operator for an account." };
  return Response.json(refused, { status: 403, headers: { "Cache-Control": "no-store" } });
}

/** The response to a request without exactly one credential. */
function notSo(message: string): Response {
  return Response.json({ code: "REQUEST_INVALID", message }, { status: 400, headers: { "Cache-Control": "no-store" } });
}

/** The library's response. An exception is a store failure or a bug. */
async function answerOf(request: Request, parts: IdentityParts): Promise<Response> {
  try {
    return await betterAuth(identityOptions(parts)).handler(request);
  } catch (error) {
    parts.onError(error);
    return notNow();
  }
}

/**
 * Reduces a request to the one credential that the API's own routes would read, and removes all other cookies. The
 * library trims Unicode white space off cookie names and uses the first of two cookies, so it would accept a cookie
 * that another site of the domain has set as our `__Host-` cookie.
 *
 * A bearer token, valid or not, wins over a cookie that the browser adds by itself; a malformed session cookie is
 * ignored. Two credentials are refused, and so is an Authorization header of another scheme together with the cookie,
 * because the client's intended identity is unknown.
 */
function withOneCredential(request: Request): Result<Request, Refusal<"request_invalid">> {
  const { headers } = request;
  const authorization = readAuthorization(headers.get("Authorization"));
  if (!authorization.ok && authorization.refusal.code === "request_invalid") return refuse(authorization.refusal);
  const scheme = authorization.ok ? authorization.value.kind : "bearer";
  const cookies = cookiesOf(headers.get("Cookie"));
  if (!cookies.ok) return cookies;
  if (scheme === "foreign" && cookies.value !== undefined)
    return refusal(
      "request_invalid",
      "an Authorization header with another scheme came with the session cookie",
      "Authorization: Use the scheme Bearer, or omit the header: the session cookie is a credential already.",
    );
  const kept = new Headers(headers);
  kept.delete("Cookie");
  if (scheme === "none") kept.delete("Authorization");
  if (scheme === "none" && cookies.value !== undefined) kept.set("Cookie", cookies.value);
  return ok(new Request(request, { headers: kept }));
}

/**
 * The session cookie, with the cookie that marks a browser-session sign-in; undefined if there is no session cookie.
 */
function cookiesOf(header: string | null): Result<string | undefined, Refusal<"request_invalid">> {
  const session = readSessionCookie(header);
  if (!session.ok) return session.refusal.code === "request_invalid" ? refuse(session.refusal) : ok(undefined);
  const brief = readCookie(header, briefCookieName);
  return session.value !== undefined && brief.ok && brief.value !== undefined
    ? ok(`${session.value}; ${brief.value}`)
    : session;
}
