import { canonicalQuery } from "../base/canonical-path.ts";
import type { MediaPurpose } from "../base/constants.ts";
import { ok, type Refusal, type Result, refuse } from "../base/result.ts";
import { after, between, earlier, roundUpTo, type Seconds, seconds, type UnixSeconds } from "../base/time.ts";
import type { Configuration } from "../config/configuration.ts";
import type { Telemetry, TelemetryEvent } from "../metrics/telemetry.ts";
import type { Client } from "../sessions/client-network.ts";
import { type MediaTarget, signedQuery } from "../signing/media-url.ts";
import { macFor } from "../signing/session-keys.ts";
import type { Admit } from "./admit-session.ts";
import { type CheckContext, checkMediaTarget, isBound, type MediaAccess } from "./check-media-request.ts";
import type { DeliverFile, FileRequest, WaitUntil } from "./deliver-file.ts";

export interface SegmentContext extends CheckContext, Pick<Configuration, "renewal" | "pauseAllowance" | "expiryStep"> {
  readonly telemetry: Telemetry;
  readonly deliver: DeliverFile;
  readonly waitUntil: WaitUntil;
  readonly admit: Admit;
  readonly client: Client;
  readonly country: () => string | undefined;
}

/** The parts of a request that serving a file needs. */
export type ViewerRequest = Pick<FileRequest, "method" | "range" | "ifRange" | "ifNoneMatch">;

/**
 * Serves a segment, a key or any other file: check the URL, admit the session, then serve from the cache or the origin.
 * An authentic URL that has expired is redirected to a fresh one while its session is valid. A forgery is never
 * renewed, because it is never called expired.
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

/** Whether an authentic expired URL is renewed: all except a playlist's. */
export function isRenewable({ purpose }: Pick<MediaAccess, "purpose">, renewal: Configuration["renewal"]): boolean {
  return renewal === "redirect" && purpose !== "playlist";
}

function remaining(access: MediaAccess, now: UnixSeconds): Seconds {
  return between(now, earlier(access.expiry, access.grant.expiresAt));
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
  const fresh = signedQuery(mac, purpose, { path, query, expiry });
  // A client's text goes into a header, so it is written in URL characters.
  const appended = access.appended === "" ? "" : `&${canonicalQuery(access.appended)}`;
  // "./" keeps a file name with a colon from being read as a scheme (RFC 3986 §4.2).
  const location = `./${path.slice(path.lastIndexOf("/") + 1)}?${fresh}${appended}`;
  return new Response(null, {
    status: 307,
    headers: { Location: location, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer" },
  });
}

/** The events of served files. Created once, because one is reported with every segment. */
export const servedEvents = {
  served: eventsOf("served"),
  renewed: eventsOf("renewed"),
};

function eventsOf(outcome: "served" | "renewed"): Readonly<Record<MediaPurpose, TelemetryEvent>> {
  const of = (what: MediaPurpose) => ({ event: "served", what, outcome }) as const;
  return { playlist: of("playlist"), segment: of("segment"), key: of("key") };
}
