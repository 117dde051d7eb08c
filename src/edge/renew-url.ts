import { canonicalQuery } from "../base/canonical-path.ts";
import { after, earlier, roundUpTo, type Seconds, seconds, type UnixSeconds } from "../base/time.ts";
import type { Configuration } from "../config/configuration.ts";
import { signedQuery } from "../signing/media-url.ts";
import { macFor } from "../signing/session-keys.ts";
import { isBound, type MediaAccess } from "./check-media-request.ts";

/** Whether an authentic expired URL is renewed: all except a playlist's. */
export function isRenewable({ purpose }: Pick<MediaAccess, "purpose">, renewal: Configuration["renewal"]): boolean {
  return renewal === "redirect" && purpose !== "playlist";
}

/**
 * Redirects an authentic expired segment URL to the same file with a fresh expiry, never later than the session's.
 * Players do not reload a VOD playlist, so this allows a short expiry and a long pause; hls.js, Shaka and video.js
 * follow it without an error. 307 keeps method and Range. The location is relative, so the grant and the directory
 * stay.
 */
export function renewUrl(access: MediaAccess, now: UnixSeconds, lifetime: Seconds, step: Seconds): Response {
  const { path, signedQuery: query, key, purpose, grant, asset } = access;
  const expiry = earlier(roundUpTo(step, after(now, seconds(lifetime + step))), grant.expiresAt);
  const mac = macFor(key, purpose, isBound(purpose, asset) ? grant.text : undefined);
  const { qualityClass } = grant;
  const fresh = signedQuery(mac, purpose, { qualityClass, path, query, expiry });
  // A client's text goes into a header, so it is written in URL characters.
  const appended = access.appended === "" ? "" : `&${canonicalQuery(access.appended)}`;
  // "./" keeps a file name with a colon from being read as a scheme (RFC 3986 §4.2).
  const location = `./${path.slice(path.lastIndexOf("/") + 1)}?${fresh}${appended}`;
  return new Response(null, {
    status: 307,
    headers: { Location: location, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer" },
  });
}
