import { localHosts } from "../base/origins.ts";
import { refusal } from "../base/result.ts";

const exposed = [
  ...["Content-Length", "Content-Range", "ETag", "Location", "RateLimit", "RateLimit-Policy", "Request-Id"],
  ...["Retry-After", "Stagedoor-Refusal", "WWW-Authenticate"],
];
const exposedByDefault = exposed.join(", ");

/**
 * Lets any page read a response, without credentials. Refusals need this most: without these headers a player sees a
 * CORS error instead of the 403.
 */
export function withCors(response: Response): Response {
  const headers = new Headers(response.headers);
  setCors(headers);
  return new Response(response.body, { status: response.status, headers });
}

/** Like {@link withCors}, for a response whose headers are mutable: those of a fetched response may not be. */
export function setCors(headers: Headers): void {
  headers.set("Access-Control-Allow-Origin", "*");
  headers.set("Access-Control-Expose-Headers", exposedByDefault);
  headers.set("Cross-Origin-Resource-Policy", "cross-origin");
}

/** The headers that let pages read a response. */
export const corsHeaders = [
  ...["Access-Control-Allow-Origin", "Access-Control-Allow-Credentials", "Access-Control-Expose-Headers"],
  "Cross-Origin-Resource-Policy",
] as const;

/** The value of Access-Control-Expose-Headers: our headers, and those that the response already exposes. */
export function exposedHeaders(alreadyExposed: string | null): string {
  const others = (alreadyExposed ?? "").split(",").map((name) => name.trim());
  return [...new Set([...exposed, ...others])].filter(Boolean).join(", ");
}

/** RFC 9110 §5.1: a field name. */
const fieldName = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const maxListLength = 4096;

/**
 * The value of Access-Control-Allow-Headers: every header that the preflight lists (Access-Control-Request-Headers), so
 * that players may send CMCD, a range or a token of their own. Only valid field names are echoed. Without a usable
 * list, the response allows any header: `*` does not cover Authorization, and old browsers do not support it.
 */
function allowedRequestHeaders(requested: string | null): string {
  const names = requested === null || requested.length > maxListLength ? [] : requested.split(",");
  const allowed = names.map((name) => name.trim()).filter((name) => fieldName.test(name));
  return allowed.length > 0 ? allowed.join(", ") : "*, Authorization, If-None-Match, If-Range, Range";
}

/** The response to a preflight of the media host. */
export function mediaPreflight(headers: Pick<Headers, "get">): Response {
  return preflight("GET, HEAD, OPTIONS", allowedRequestHeaders(headers.get("Access-Control-Request-Headers")));
}

/** The response to a preflight. It needs no signature: it reveals nothing, and browsers send none with it. */
export function preflight(methods: string, requestHeaders: string): Response {
  return new Response(null, {
    status: 204,
    headers: {
      "Access-Control-Allow-Origin": "*",
      "Access-Control-Allow-Methods": methods,
      "Access-Control-Allow-Headers": requestHeaders,
      "Access-Control-Max-Age": "86400",
      "Cache-Control": "no-store",
    },
  });
}

/** Two years. Without includeSubDomains: the operator's subdomains may serve plain HTTP. */
const hstsPolicy = "max-age=63072000";

/**
 * Plain HTTP is never redirected: a token that came with the request was readable in transit and has to be replaced.
 */
export const httpsRequired = refusal("https_required", "plain HTTP from another machine").refusal;

/** Whether a request came over plain HTTP and from another machine. Only the prefix of the URL is read. */
export function isPlainHttp(url: string): boolean {
  return !url.startsWith("https://") && !(url.startsWith("http://") && isLocalAt(url, 7));
}

/**
 * The value of Strict-Transport-Security (RFC 6797 §7) for a response from this URL. The header must not be sent over
 * plain HTTP, and on `localhost` it would lock the browser out of every other service on the machine.
 */
export function strictTransport(url: string): string | undefined {
  return url.startsWith("https://") && !isLocalAt(url, 8) ? hstsPolicy : undefined;
}

function isLocalAt(url: string, at: number): boolean {
  return localHosts.some((host) => url.startsWith(host, at) && ":/?".includes(url.charAt(at + host.length)));
}
