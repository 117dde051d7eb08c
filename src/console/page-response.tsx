import type { Child } from "hono/jsx";
import type { Refusal, RefusalCode } from "../base/result.ts";
import { strictTransport } from "../http/cors.ts";
import { problemFor } from "../http/problems.ts";
import { duration } from "../operator/explain/explanation.ts";

/** Pages load the console's own files only, cannot be framed, send no Referer to other sites, and are not cached. */
const headers = {
  "Content-Security-Policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
  // With `no-referrer`, browsers would send `Origin: null` with the console's own forms.
  "Referrer-Policy": "same-origin",
  "X-Content-Type-Options": "nosniff",
  "X-Frame-Options": "DENY",
} as const;

export function withSecurityHeaders(response: Response, url: string): Response {
  for (const [name, value] of Object.entries(headers)) response.headers.set(name, value);
  if (!response.headers.has("Cache-Control")) response.headers.set("Cache-Control", "no-store");
  const strict = strictTransport(url);
  if (strict !== undefined) response.headers.set("Strict-Transport-Security", strict);
  return response;
}

/** JSX has escaped the body already. */
export function page(body: Child, init: { readonly status?: number; readonly headers?: HeadersInit } = {}): Response {
  const response = new Response(`<!doctype html>${String(body)}`, init);
  response.headers.set("Content-Type", "text/html; charset=utf-8");
  return response;
}

/** Redirects to another page of the console, by GET. */
export function redirect(path: string, cookie?: string): Response {
  const response = new Response(null, { status: 303, headers: { Location: path } });
  if (cookie !== undefined) response.headers.set("Set-Cookie", cookie);
  return response;
}

/** A refusal as a page shows it. */
export interface RefusalDetails {
  readonly code: Refusal["code"];
  readonly status: number;
  readonly title: string;
  /** What to do about it. */
  readonly detail: string;
  /** The cause, which operators may see. */
  readonly reason: string;
  /** The Request-Id of the response and of its log line. */
  readonly request: string;
}

/** A refusal as a page, with the status and headers of its problem details. */
export function refusalPage(reason: Refusal, problem: Response, render: (details: RefusalDetails) => Child): Response {
  const request = problem.headers.get("Request-Id") ?? "";
  const { status, title } = problemFor(reason.code);
  const { headers: problemHeaders } = problem;
  const detail = adviceOn(reason.code, problemHeaders.get("Retry-After"));
  const details = { code: reason.code, status, title, detail, reason: reason.reason, request };
  const response = page(render(details), { status, headers: problemHeaders });
  response.headers.delete("WWW-Authenticate"); // a page cannot send the header that it asks for
  return response;
}

const newCredential = "npx stagedoor operator new --name <you> --ring keys.json --out <you>.jwt";

/** Advice for a person at the console, if it differs from that for an API client. */
const advice: Partial<Readonly<Record<RefusalCode, string>>> = {
  body_invalid: "The console did not send this form, or it is too long. Go back and paste a shorter text.",
  request_invalid: "Delete this site's cookies in the browser and sign in again.",
  token_missing: "Paste your credential.",
  token_invalid: "Paste the complete credential of this deployment: one line that begins with eyJ.",
  token_expired: `Ask the holder of the key ring for a new credential: ${newCredential}`,
  token_revoked: `Your credential or its key was revoked. Ask the holder of the key ring for a new one: ${newCredential}`,
  scope_insufficient: `Ask the holder of the key ring for a credential with the missing scope: ${newCredential} --scope <scope> (repeat --scope for each scope that you need). Then sign in with it.`,
  origin_untrusted:
    "Open the console again in this browser and repeat the action there. Forms of other sites are rejected.",
  configuration_invalid:
    "Run npx stagedoor doctor to see what is missing. If it is a session key, npx stagedoor keys list shows the existing ones.",
  revocation_invalid: "Go back to the overview and choose the session there.",
  revocation_unknown:
    "The revocation was lifted already, or there was none. A session that its viewer ended, or that was taken over or shared, cannot be restored.",
  store_unavailable:
    "A dependency does not respond. Your last action may or may not have taken effect: check the overview and repeat it if necessary.",
  route_unknown: "The console has no such page. The overview links to all pages.",
};

/** `retryAfter` is the Retry-After header, in seconds. */
function adviceOn(code: RefusalCode, retryAfter: string | null): string {
  if (code === "rate_limited" && retryAfter !== null)
    return `Too many failed attempts from your network. Try again in ${duration(Number(retryAfter))}.`;
  return advice[code] ?? problemFor(code).detail;
}
