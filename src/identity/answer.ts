import { betterAuth } from "better-auth";
import { unixMilliseconds } from "../base/milliseconds.ts";
import { formOf, identityPath, longestToken, throughDoor } from "./door.ts";
import { withOneCredential } from "./one-credential.ts";
import { type IdentityParts, identityOptions } from "./options.ts";
import { familyOf, findRefreshRow } from "./refresh-row.ts";
import { keepSessionCookie } from "./session-cookie.ts";
import { storedToken } from "./token-hash.ts";
import type { Turn } from "./turns.ts";

/** No answer is a page of ours, and the library's has words of the request in it: nothing of them runs, or stands in a frame. */
const harmless = {
  "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
};

/** Answers one request to `/api/auth/*`. */
export async function answerIdentity(request: Request, parts: IdentityParts): Promise<Response> {
  const asked = await throughDoor(request);
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
  if (token === null || token.length > longestToken) return undefined;
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
