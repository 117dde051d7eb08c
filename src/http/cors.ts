import { refusal } from "../base/result.ts";

const exposed = [
  ...["Content-Length", "Content-Range", "ETag", "Location", "RateLimit", "RateLimit-Policy", "Request-Id"],
  ...["Retry-After", "WWW-Authenticate"],
];
const exposedAlone = exposed.join(", ");

/**
 * Lets any page read an answer, without credentials: what is refused is refused by the signature. A refusal needs the
 * headers most of all: without them a player sees a CORS fault in place of a 403.
 */
export function withCors(response: Response): Response {
  const headers = new Headers(response.headers);
  setCors(headers);
  return new Response(response.body, { status: response.status, headers });
}

/** As {@link withCors}, for the headers of an answer of our own: one that somebody else made may be immutable. */
export function setCors(headers: Headers): void {
  headers.set("Access-Control-Allow-Origin", "*");
  headers.set("Access-Control-Expose-Headers", exposedAlone);
  headers.set("Cross-Origin-Resource-Policy", "cross-origin");
}

/** Which headers of an answer a page may read, as Access-Control-Expose-Headers says: ours, beside those that it names already. */
export function exposedBeside(named: string | null): string {
  const others = (named ?? "").split(",").map((name) => name.trim());
  return [...new Set([...exposed, ...others])].filter(Boolean).join(", ");
}

/** RFC 9110 §5.1: the name of a header. */
const fieldName = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const longestList = 4096;

/**
 * All request headers that a preflight asks for (Access-Control-Request-Headers), so that players may send what they like:
 * CMCD, a range, a token of their own. Only names are repeated, so that nobody writes anything else into the answer. Without
 * such a list, or with one that no browser sends, the answer is a list that allows any header: `*` does not cover
 * Authorization, and old browsers do not know it.
 */
export function everyHeader(requested: string | null): string {
  const names = requested === null || requested.length > longestList ? [] : requested.split(",");
  const allowed = names.map((name) => name.trim()).filter((name) => fieldName.test(name));
  return allowed.length > 0 ? allowed.join(", ") : "*, Authorization, If-None-Match, If-Range, Range";
}

/** The answer to a preflight. It needs no signature: it tells nothing, and browsers send none with it. */
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

/** Two years, for this host alone: what an operator runs on its subdomains is his own affair. */
const policy = "max-age=63072000";

const local = ["localhost", "127.0.0.1", "[::1]"];

/** What plain HTTP is told. Never a redirect: a token that came with it was readable on the way, and has to be replaced. */
export const httpsRequired = refusal("https_required", "plain HTTP from elsewhere than this machine").refusal;

/** Whether a request came over plain HTTP, and not from the machine itself. Its prefix alone is looked at. */
export function isPlainHttp(url: string): boolean {
  return !url.startsWith("https://") && !(url.startsWith("http://") && isLocalAt(url, 7));
}

/**
 * HTTP Strict Transport Security (RFC 6797 §7), the value of the field for an answer to this address, if any. Over plain HTTP
 * it may not be sent, and on `localhost` it would shut the browser out of every other service on the machine.
 */
export function strictTransport(url: string): string | undefined {
  return url.startsWith("https://") && !isLocalAt(url, 8) ? policy : undefined;
}

function isLocalAt(url: string, at: number): boolean {
  return local.some((host) => url.startsWith(host, at) && ":/?".includes(url.charAt(at + host.length)));
}
