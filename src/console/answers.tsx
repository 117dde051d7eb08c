import type { Child } from "hono/jsx";
import type { Refusal } from "../base/refusal.ts";
import { faceOf } from "../http/faces.ts";
import { strictTransport } from "../http/https.ts";
import { adviceOn } from "./advice.ts";

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
  const { status, title } = faceOf(why.code);
  const { headers } = problem;
  const detail = adviceOn(why.code, headers.get("Retry-After"));
  const told = page(show({ code: why.code, status, title, detail, reason: why.reason, request }), { status, headers });
  told.headers.delete("WWW-Authenticate"); // it asks for a header, which no page can send
  return told;
}
