import { canonicalQuery } from "../base/canonical-path.ts";
import { after, earlier, roundUpTo, type Seconds, seconds, type UnixSeconds } from "../base/seconds.ts";
import { signedQuery } from "../signing/media-url.ts";
import { macFor } from "../signing/session-keys.ts";
import { isBound, type MediaAccess } from "./check-media-request.ts";

/**
 * The answer to an authentic segment URL whose time has run out while its session goes on: a redirect to the same file
 * with a fresh expiry, which never lies behind the session's. Nobody reloads a VOD playlist, so this is how a short expiry
 * and a long pause go together; hls.js, Shaka and video.js follow it without an error. 307 keeps method and Range; the
 * location is relative, since what stands before the file name, the grant among it, stays as it is.
 */
export function renewUrl(access: MediaAccess, now: UnixSeconds, lifetime: Seconds, step: Seconds): Response {
  const { path, signedQuery: query, key, purpose, grant, asset } = access;
  const expiry = earlier(roundUpTo(step, after(now, seconds(lifetime + step))), grant.expiresAt);
  const mac = macFor(key, purpose, isBound(purpose, asset) ? grant.text : undefined);
  const fresh = signedQuery(mac, purpose, { path, query, expiry });
  // What a stranger appended goes into a header, so it is written in the characters that a URL has.
  const appended = access.appended === "" ? "" : `&${canonicalQuery(access.appended)}`;
  // "./" keeps a file name with a colon from being read as a scheme (RFC 3986 §4.2).
  const location = `./${path.slice(path.lastIndexOf("/") + 1)}?${fresh}${appended}`;
  return new Response(null, {
    status: 307,
    headers: { Location: location, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer" },
  });
}
