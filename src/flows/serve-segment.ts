import type { Refusal } from "../base/refusal.ts";
import { ok, type Result, refuse } from "../base/result.ts";
import { between, earlier, type Seconds, type UnixSeconds } from "../base/seconds.ts";
import type { MediaTarget } from "../signing/media-target.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import type { Admit } from "./admit-session.ts";
import { type CheckContext, checkMediaTarget, type MediaAccess } from "./check-media-request.ts";
import type { Client } from "./client.ts";
import type { DeliverFile, FileRequest, WaitUntil } from "./deliver-file.ts";
import { renewUrl } from "./renew-url.ts";
import { servedEvents } from "./served-events.ts";

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
