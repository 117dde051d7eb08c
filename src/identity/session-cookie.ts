/** The names of the library's cookies begin with it: `__Host-` binds a cookie to this host alone (RFC 6265bis §4.1.3.2). */
export const cookiePrefix = "__Host-stagedoor";

/** The cookie of who signed in with `rememberMe: false`, beside the session's. */
export const briefCookieName = `${cookiePrefix}.dont_remember`;

/** 400 days in seconds, the longest that a browser keeps a cookie (RFC 6265bis §5.5). */
const longestMaxAge = 34_560_000;

/**
 * Lets a session cookie outlive what its session has left: the server alone says when a session ends, and use through any
 * route prolongs it, while a browser would throw the cookie away by the age it was given at sign-in. One that is deleted,
 * and one that ends with the browser, stay as they are.
 */
export function keepSessionCookie(headers: Headers): void {
  const cookies = headers.getSetCookie();
  if (cookies.length === 0) return;
  headers.delete("Set-Cookie");
  for (const cookie of cookies) {
    const kept = /^[^=;]*\.session_token=/.test(cookie)
      ? cookie.replace(/(;\s*Max-Age=)[1-9]\d*/i, `$1${longestMaxAge}`)
      : cookie;
    headers.append("Set-Cookie", kept);
  }
}
