import { betterAuth } from "better-auth";
import { readAuthorization, readCookie, readSessionCookie } from "../auth/read-credential.ts";
import { identityPath, maxTokenLength } from "../base/constants.ts";
import { ok, type Refusal, type Result, refusal } from "../base/result.ts";
import { unixMilliseconds } from "../base/time.ts";
import { type IdentityParts, identityOptions } from "./options.ts";
import { familyOf, findRefreshRow, storedToken, type Turn } from "./refresh-tokens.ts";
import { formOf, guardRoute } from "./route-guard.ts";
import { briefCookieName, keepSessionCookie } from "./session-rules.ts";

/** No answer is a page of ours, and the library's has words of the request in it: nothing of them runs, or stands in a frame. */
const harmless = {
  "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
};

/** Answers one request to `/api/auth/*`. */
export async function answerIdentity(request: Request, parts: IdentityParts): Promise<Response> {
  const asked = await guardRoute(request);
  if (asked instanceof Response) return asked;
  if (parts.settings.signUp !== "open" && new URL(asked.url).pathname === `${identityPath}/sign-up/email`)
    return closed();
  const one = withOneCredential(asked);
  if (!one.ok) return notSo(one.refusal.reason);
  let failed = false;
  const onStoreFailure = () => {
    failed = true;
  };
  const answer = await answerOf(one.value, { ...parts, onStoreFailure });
  // With nothing of the answer: a sign-out that failed must not take the cookie with which it could be tried again.
  if (answer.status >= 500 || failed) return notNow();
  const response = new Response(answer.body, answer);
  keepSessionCookie(response.headers);
  for (const [name, value] of Object.entries(harmless)) response.headers.set(name, value);
  response.headers.set("Cache-Control", response.headers.get("Cache-Control") ?? "no-store");
  return response;
}

/**
 * What a client hears where something failed that is not his fault, nearly always a store: 503, so that he tries again and
 * throws no credential away.
 */
export function notNow(): Response {
  const headers = { "Retry-After": "5", "Cache-Control": "no-store" };
  return Response.json({ code: "STORE_UNAVAILABLE", message: "Try again later." }, { status: 503, headers });
}

/**
 * The turn of a request that trades in a refresh token (RFC 6749 §6) or revokes one (RFC 7009), to be waited for behind others
 * of that family; undefined where it names none that is known. It rejects where the database does not answer.
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

/** The library would answer 400. It refuses as well (`disableSignUp`), should it ever know another way to make an account. */
function closed(): Response {
  const refused = { code: "SIGN_UP_CLOSED", message: "Accounts are not made here. Ask the operator for one." };
  return Response.json(refused, { status: 403, headers: { "Cache-Control": "no-store" } });
}

/** What a client hears whose request names no one credential. */
function notSo(message: string): Response {
  return Response.json({ code: "REQUEST_INVALID", message }, { status: 400, headers: { "Cache-Control": "no-store" } });
}

/** The library's answer; what it throws is a store that failed, or a bug. */
async function answerOf(request: Request, parts: IdentityParts): Promise<Response> {
  try {
    return await betterAuth(identityOptions(parts)).handler(request);
  } catch (error) {
    parts.onError(error);
    return notNow();
  }
}

/**
 * A request with the one credential that the API's own routes would take it to present, and with no other cookie: the library
 * trims all that Unicode calls white space off a cookie's name, takes the first of two, and so takes a cookie that another
 * site of the domain has set for a `__Host-` cookie of ours.
 *
 * A bearer token wins over a cookie that the browser adds by itself, even where it is good for nothing; a cookie that no
 * session cookie could be is none. `request_invalid` for two credentials, and for an Authorization header of another scheme
 * beside the cookie: whom the client wants to be is not known.
 */
function withOneCredential(request: Request): Result<Request, Refusal> {
  const { headers } = request;
  const authorization = readAuthorization(headers.get("Authorization"));
  if (!authorization.ok && authorization.refusal.code === "request_invalid") return authorization;
  const scheme = authorization.ok ? authorization.value.is : "bearer";
  const cookies = cookiesOf(headers.get("Cookie"));
  if (!cookies.ok) return cookies;
  if (scheme === "foreign" && cookies.value !== undefined)
    return refusal("request_invalid", "an Authorization header of another scheme came beside the session cookie");
  const kept = new Headers(headers);
  kept.delete("Cookie");
  if (scheme === "none") kept.delete("Authorization");
  if (scheme === "none" && cookies.value !== undefined) kept.set("Cookie", cookies.value);
  return ok(new Request(request, { headers: kept }));
}

/** The session's cookie, and the one that says that it ends with the browser; undefined where no session's is there. */
function cookiesOf(header: string | null): Result<string | undefined, Refusal> {
  const session = readSessionCookie(header);
  if (!session.ok) return session.refusal.code === "request_invalid" ? session : ok(undefined);
  const brief = readCookie(header, briefCookieName);
  return session.value !== undefined && brief.ok && brief.value !== undefined
    ? ok(`${session.value}; ${brief.value}`)
    : session;
}
