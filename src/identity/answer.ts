import { betterAuth } from "better-auth";
import { unixMilliseconds } from "../base/milliseconds.ts";
import type { IdentityLog } from "./log.ts";
import { type IdentityParts, identityOptions, identityPath } from "./options.ts";
import { familyOf, findRefreshRow } from "./refresh-row.ts";
import { keepSessionCookie } from "./session-cookie.ts";
import { storedToken } from "./token-hash.ts";
import type { Turn } from "./turns.ts";

/** Nothing that better-auth reads is longer. */
const longestBody = 65_536;

/**
 * What the library logs where it could not read a session; most of its routes then answer as if there were none, and a
 * client that hears 401 for a database that is down throws his session away.
 */
const sessionUnread = "INTERNAL_SERVER_ERROR";

/** Answers one request to `/api/auth/*`. */
export async function answerIdentity(request: Request, parts: IdentityParts): Promise<Response> {
  let failed = false;
  const log: IdentityLog = (level, message) => {
    failed ||= message === sessionUnread;
    parts.log(level, message);
  };
  const answer = await betterAuth(identityOptions({ ...parts, log })).handler(withOneCredential(request));
  // With nothing of the answer: a sign-out that failed must not take the cookie with which it could be tried again.
  if (answer.status >= 500 || failed) return notNow();
  const response = new Response(answer.body, answer);
  keepSessionCookie(response.headers);
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
 * The turn of a request that trades in a refresh token (RFC 6749 §6), to be waited for behind others of that family;
 * undefined where it trades in none that is known. It rejects where the database does not answer.
 */
export async function turnOf(request: Request, parts: IdentityParts): Promise<Turn | undefined> {
  if (request.method !== "POST" || new URL(request.url).pathname !== `${identityPath}/oauth2/token`) return undefined;
  const since = unixMilliseconds(Date.now());
  const text = await request.clone().text();
  if (text.length > longestBody) return undefined;
  const form = new URLSearchParams(text);
  const token = form.get("refresh_token");
  if (form.get("grant_type")?.trim() !== "refresh_token" || token === null) return undefined;
  const { adapter } = await betterAuth(identityOptions(parts)).$context;
  const row = await findRefreshRow(adapter, await storedToken(token));
  return row === undefined ? undefined : { family: familyOf(row), since };
}

/** A bearer token wins over a cookie that the browser adds by itself, even where the token is good for nothing. */
function withOneCredential(request: Request): Request {
  if (!request.headers.has("Authorization") || !request.headers.has("Cookie")) return request;
  const headers = new Headers(request.headers);
  headers.delete("Cookie");
  return new Request(request, { headers });
}
