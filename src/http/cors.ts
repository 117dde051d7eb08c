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
  headers.set("Access-Control-Allow-Origin", "*");
  headers.set("Access-Control-Expose-Headers", exposedAlone);
  headers.set("Cross-Origin-Resource-Policy", "cross-origin");
  return new Response(response.body, { status: response.status, headers });
}

/** Which headers of an answer a page may read, as Access-Control-Expose-Headers says: ours, beside those that it names already. */
export function exposedBeside(named: string | null): string {
  const others = (named ?? "").split(",").map((name) => name.trim());
  return [...new Set([...exposed, ...others])].filter(Boolean).join(", ");
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
