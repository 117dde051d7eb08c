import { type Refusal, refusal } from "../base/refusal.ts";
import { ok, type Result } from "../base/result.ts";
import { readAuthorization } from "../credential/authorization.ts";
import { readCookie, readSessionCookie } from "../credential/session-cookie.ts";
import { briefCookieName } from "./session-cookie.ts";

/**
 * A request with the one credential that the API's own routes would take it to present, and with no other cookie: the library
 * trims all that Unicode calls white space off a cookie's name, takes the first of two, and so takes a cookie that another
 * site of the domain has set for a `__Host-` cookie of ours.
 *
 * A bearer token wins over a cookie that the browser adds by itself, even where it is good for nothing; a cookie that no
 * session cookie could be is none. `request_invalid` for two credentials, and for an Authorization header of another scheme
 * beside the cookie: whom the client wants to be is not known.
 */
export function withOneCredential(request: Request): Result<Request, Refusal> {
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
