import { extensionOf } from "../base/alias.ts";
import { readBytes } from "../base/body-text.ts";
import { bytesText, textBytes } from "../base/lossless-text.ts";
import { ok, type Refusal, type Result, refusal } from "../base/result.ts";
import {
  after,
  earlier,
  roundUpTo,
  seconds,
  startDeadline,
  type Timer,
  type UnixSeconds,
  type WaitUntil,
} from "../base/time.ts";
import { foreignRulesOf } from "../catalog/asset.ts";
import { originBase } from "../catalog/asset-origin.ts";
import { isAllowedFile } from "../catalog/file-globs.ts";
import type { Configuration } from "../config/configuration.ts";
import { timeoutOf } from "../origin/origin.ts";
import { type Sprite, signThumbnailTrack, type TrackRefusal } from "../playlist/thumbnail-track.ts";
import { contentDisposition } from "../signing/download-name.ts";
import { signedQuery } from "../signing/media-url.ts";
import { macFor } from "../signing/session-keys.ts";
import type { MediaAccess } from "./check-media-request.ts";
import type { FileRequest } from "./deliver-file.ts";
import type { FileRefusal, GuardedFiles } from "./guard-file.ts";

export interface FileContext extends Pick<Configuration, "mediaUrl" | "pauseAllowance" | "expiryStep"> {
  readonly files: GuardedFiles;
  readonly timer: Timer;
  readonly now: UnixSeconds;
  readonly waitUntil: WaitUntil;
}

export type ServedFileRefusal = FileRefusal | TrackRefusal;

/** The largest WebVTT track in bytes: it is rewritten in memory, as a playlist is. */
const largestTrack = 4 * 1024 * 1024;

/** Whether a path is that of a WebVTT track. Its sprites have to be signed, so the edge reads it itself. */
export function isTrack(path: string): boolean {
  return /^(web)?vtt$/i.test(extensionOf(path));
}

/**
 * Serves a file that no playlist names, after its URL was checked and its session admitted: judged by its bytes, under the
 * name of a download if the URL has one, and with signed sprites if it is a WebVTT track.
 */
export async function serveFile(
  access: MediaAccess,
  file: FileRequest,
  context: FileContext,
): Promise<Result<Response, ServedFileRefusal>> {
  const served = isTrack(file.path)
    ? await serveTrack(access, file, context)
    : await context.files.serve(file, context.waitUntil);
  if (served.ok && access.download !== undefined)
    served.value.headers.set("Content-Disposition", contentDisposition(access.download));
  return served;
}

/** The whole track: its bytes are for one viewer, so there are no ranges and no entity tag. */
async function serveTrack(
  access: MediaAccess,
  { range: _, ifRange: __, ifNoneMatch: ___, ...file }: FileRequest,
  context: FileContext,
): Promise<Result<Response, ServedFileRefusal>> {
  const found = await context.files.serve({ ...file, method: "GET" }, context.waitUntil);
  if (!found.ok) return found;
  const bytes = await readTrack(found.value, file, context.timer);
  if (!bytes.ok) return bytes;
  const { asset, path, rest } = access;
  const origin = originBase(asset.origin);
  const place = {
    ...origin,
    ...{ prefix: `/${asset.id}/`, path, base: origin.originPath + rest },
    mediaHost: new URL(context.mediaUrl).host,
    ...foreignRulesOf(asset),
  };
  const signed = signThumbnailTrack(bytesText(bytes.value), place, spriteSigner(access, context));
  if (!signed.ok) return signed;
  const body = textBytes(signed.value);
  const headers = {
    "Content-Type": "text/vtt; charset=utf-8",
    "Content-Length": String(body.length),
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
  };
  return ok(new Response(file.method === "HEAD" ? null : body, { headers }));
}

async function readTrack(
  { body }: Response,
  { asset }: Pick<FileRequest, "asset">,
  timer: Timer,
): Promise<Result<Uint8Array<ArrayBuffer>, Refusal<"playlist_too_large" | "origin_slow" | "origin_failed">>> {
  if (body === null) return ok(new Uint8Array(0));
  const deadline = startDeadline(timeoutOf(asset.origin), timer);
  try {
    const bytes = await readBytes(body.getReader(), largestTrack, deadline);
    if (bytes === "too_large") return refusal("playlist_too_large", `the track is larger than ${largestTrack} bytes`);
    return bytes === "late" ? refusal("origin_slow", "the track did not end in time") : ok(bytes);
  } catch {
    return refusal("origin_failed", "the track was cut off");
  } finally {
    deadline.end();
  }
}

/** Signs sprites under the track's own grant. A sprite that the globs do not allow refuses the track. */
function spriteSigner({ asset, grant, key }: MediaAccess, { now, pauseAllowance, expiryStep }: FileContext) {
  const expiry = earlier(roundUpTo(expiryStep, after(now, seconds(pauseAllowance + expiryStep))), grant.expiresAt);
  const mac = macFor(key, "file", grant.text);
  return ({ path, query }: Sprite): Result<string, Refusal<"file_forbidden">> =>
    isAllowedFile(asset, path.slice(asset.id.length + 2))
      ? ok(signedQuery(mac, "file", { path, query, expiry }))
      : refusal("file_forbidden", "the track names a sprite that the asset's files do not include");
}
