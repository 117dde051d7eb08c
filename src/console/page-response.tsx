import type { Child } from "hono/jsx";
import type { Refusal, RefusalCode } from "../base/result.ts";
import { strictTransport } from "../http/cors.ts";
import { problemFor } from "../http/problems.ts";
import { duration } from "../operator/explain/explanation.ts";

/**
 * What every answer carries. Nothing but the console's own files is loaded, no other page may frame it or be told where an
 * operator comes from, and nothing is kept by a cache or by the browser behind its back.
 */
const headers = {
  "Content-Security-Policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
  // Under `no-referrer` browsers would send `Origin: null` with the console's own forms.
  "Referrer-Policy": "same-origin",
  "X-Content-Type-Options": "nosniff",
  "X-Frame-Options": "DENY",
} as const;

/** The same answer with them, and with Strict-Transport-Security where the request came over https. */
export function secured(response: Response, url: string): Response {
  for (const [name, value] of Object.entries(headers)) response.headers.set(name, value);
  if (!response.headers.has("Cache-Control")) response.headers.set("Cache-Control", "no-store");
  const strict = strictTransport(url);
  if (strict !== undefined) response.headers.set("Strict-Transport-Security", strict);
  return response;
}

/** A page. What JSX has made is escaped already. */
export function page(body: Child, init: { readonly status?: number; readonly headers?: HeadersInit } = {}): Response {
  const response = new Response(`<!doctype html>${String(body)}`, init);
  response.headers.set("Content-Type", "text/html; charset=utf-8");
  return response;
}

/** On to another page of the console, by GET. */
export function onTo(path: string, cookie?: string): Response {
  const response = new Response(null, { status: 303, headers: { Location: path } });
  if (cookie !== undefined) response.headers.set("Set-Cookie", cookie);
  return response;
}

/** A refusal as a page shows it. */
export interface Told {
  readonly code: Refusal["code"];
  readonly status: number;
  readonly title: string;
  /** What to do. */
  readonly detail: string;
  /** What was found: an operator may know it. */
  readonly reason: string;
  /** The Request-Id of the answer and of its line in the log. */
  readonly request: string;
}

/** A refusal as a page, with the status, the Request-Id and the other fields of its problem details. */
export function refusedPage(why: Refusal, problem: Response, show: (told: Told) => Child): Response {
  const request = problem.headers.get("Request-Id") ?? "";
  const { status, title } = problemFor(why.code);
  const { headers } = problem;
  const detail = adviceOn(why.code, headers.get("Retry-After"));
  const told = page(show({ code: why.code, status, title, detail, reason: why.reason, request }), { status, headers });
  told.headers.delete("WWW-Authenticate"); // it asks for a header, which no page can send
  return told;
}

const anew = "npx stagedoor operator new --name <you> --ring keys.json --out <you>.jwt";

/** What a person at the console does about a refusal, where an API's client would have to do something else. */
const advice: Partial<Readonly<Record<RefusalCode, string>>> = {
  body_invalid: "The form did not come as the console sends it, or is too long: go back, and paste less.",
  request_invalid: "Delete this site's cookies in the browser, and sign in again.",
  token_missing: "Paste the credential.",
  token_invalid: "Paste the whole of the credential, one line that begins with eyJ, of this very deployment.",
  token_expired: `Have a new one made by who holds the key ring: ${anew}`,
  token_revoked: `Somebody has ended the credential, or a key behind it. Have a new one made by who holds the key ring: ${anew}`,
  scope_insufficient: `Have a credential made with the scope, by who holds the key ring: ${anew} --scope <scope>, once for each that you need. Then sign in with it.`,
  origin_untrusted:
    "Open the console anew in this browser, and press the button there: forms of other pages are not taken.",
  configuration_invalid:
    "Run npx stagedoor doctor: it says what the deployment lacks. Where it is a session key, npx stagedoor keys list shows which there are.",
  revocation_invalid: "Go back to the overview, and choose the session there.",
  revocation_unknown:
    "It was taken back already, or no operator has ended it: what its viewer has ended, or what was taken over or shared, comes back by a new start alone.",
  store_unavailable:
    "A part of this service does not answer. Whether something that you did was done is not known: look in the overview, and do it again if it was not.",
  route_unknown: "The console has no page here. The overview leads to all that there are.",
};

/** What to do about a refusal, for people. `retryAfter` is the answer's field Retry-After, in seconds. */
function adviceOn(code: RefusalCode, retryAfter: string | null): string {
  if (code === "rate_limited" && retryAfter !== null)
    return `Too many attempts from your network were refused. Try again in ${duration(Number(retryAfter))}.`;
  return advice[code] ?? problemFor(code).detail;
}
