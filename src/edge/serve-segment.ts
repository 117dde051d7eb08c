import { canonicalQuery } from "../base/canonical-path.ts";
import type { MediaPurpose } from "../base/constants.ts";
import { ok, type Refusal, type Result, refuse } from "../base/result.ts";
import { after, between, earlier, roundUpTo, type Seconds, seconds, type UnixSeconds } from "../base/time.ts";
import type { Telemetry, TelemetryEvent } from "../metrics/telemetry.ts";
import type { Client } from "../sessions/client-network.ts";
import { type MediaTarget, signedQuery } from "../signing/media-url.ts";
import { macFor } from "../signing/session-keys.ts";
import type { Admit } from "./admit-session.ts";
import { type CheckContext, checkMediaTarget, isBound, type MediaAccess } from "./check-media-request.ts";
import type { DeliverFile, FileRequest, WaitUntil } from "./deliver-file.ts";

export interface SegmentContext extends CheckContext {
  readonly telemetry: Telemetry;
  readonly deliver: DeliverFile;
  readonly waitUntil: WaitUntil;
  readonly admit: Admit;
  readonly client: Client;
  readonly country: () => string | undefined;
  readonly renewal: "redirect" | "off";
  readonly pauseAllowance: Seconds;
  readonly expiryStep: Seconds;
}

/** The part of a request that serving a file looks at. */
export type ViewerRequest = Pick<FileRequest, "method" | "range" | "ifRange" | "ifNoneMatch">;

/**
 * A segment, a key or any other file, the whole story: the request is checked, and its session admitted; one that is
 * authentic but out of time is sent on to a fresh URL while its session goes on; one that passed is served from the cache
 * or the origin. A forgery is never renewed, since it never gets as far as being called expired.
 */
export async function serveSegment(
  target: MediaTarget,
  request: ViewerRequest,
  context: SegmentContext,
): Promise<Result<Response, Refusal>> {
  const checked = checkMediaTarget(target, context);
  if (checked.verdict === "refused") return refuse(checked.refusal);
  const { access } = checked;
  if (checked.verdict === "expired" && !isRenewable(access, context.renewal)) return refuse(checked.refusal);
  const admission = context.admit(access, context);
  const why = admission instanceof Promise ? await admission : admission;
  if (why !== undefined) return refuse(why);
  if (checked.verdict === "expired") {
    context.telemetry(servedEvents.renewed[access.purpose]);
    return ok(renewUrl(access, context.now, context.pauseAllowance, context.expiryStep));
  }
  const { asset, rest: path, query, purpose } = access;
  const left = remaining(access, context.now);
  const delivered = await context.deliver(
    { ...request, asset, path, query, remaining: left, cacheable: purpose !== "key" },
    context.waitUntil,
  );
  if (delivered.ok) context.telemetry(servedEvents.served[purpose]);
  return delivered;
}

/** Whether an authentic URL that has ended is answered with a fresh one: any but a playlist's. */
export function isRenewable({ purpose }: Pick<MediaAccess, "purpose">, renewal: "redirect" | "off"): boolean {
  return renewal === "redirect" && purpose !== "playlist";
}

function remaining(access: MediaAccess, now: UnixSeconds): Seconds {
  return between(now, earlier(access.expiry, access.grant.expiresAt));
}

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

/** What is told of each file that was served: made once, since it is told with every segment. */
export const servedEvents = {
  served: eventsOf("served"),
  renewed: eventsOf("renewed"),
};

function eventsOf(outcome: "served" | "renewed"): Readonly<Record<MediaPurpose, TelemetryEvent>> {
  const of = (what: MediaPurpose) => ({ event: "served", what, outcome }) as const;
  return { playlist: of("playlist"), segment: of("segment"), key: of("key") };
}
