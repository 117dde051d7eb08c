/** What stands before the routes, in Markdown of paragraphs and code alone. */
export const introduction = [
  "A bearer token in, protected HLS out: a start answers with a signed manifest URL, and the session that it begins can be " +
    "shown, renewed and ended.",
  "One credential a request, in a header: a token in the query or the body is refused, whatever else came. Plain http is " +
    "refused outside localhost. Every answer may be read by every site without credentials; with credentials only by those " +
    "that STAGEDOOR_ORIGINS names.",
  "A refusal is problem details (RFC 9457) with a stable `code` and what to do about it; its `Request-Id` names the line of " +
    "the log that says why. At an address that there is not, it is `route_unknown`, and for a method that a route does not " +
    "know, `method_unknown` with Allow. OPTIONS is answered everywhere.",
  "Below `/api/auth`, whatever the base path, the identity worker answers where it is deployed: better-auth's own routes, " +
    "which its own client speaks.",
  "The media host takes GET and HEAD of the URLs that playlists give: `/<grant>/<asset>/<path>?<the origin's query>&<purpose>=" +
    "<expiry>.<signature>`, the purpose being list, seg or key. Nobody puts one together; use each exactly as it is given. A " +
    "segment's URL that has run out is answered 307 to a fresh one while its session lasts. Pages of any site may send it any " +
    "header, but no credentials: `withCredentials` is not supported there.",
].join("\n\n");
