import { httpOrigin, type OriginFetch } from "../../../src/adapters/origin/http-origin.ts";
import type { Refusal } from "../../../src/base/refusal.ts";
import { ok, type Result } from "../../../src/base/result.ts";
import { seconds } from "../../../src/base/seconds.ts";
import { type Asset, entryFile } from "../../../src/catalog/asset.ts";
import type { HttpAssetOrigin } from "../../../src/catalog/asset-origin.ts";
import { deadlineMs, startOf } from "./ask.ts";
import type { Live } from "./live.ts";
import type { OriginFile } from "./open-files.ts";

/**
 * The start of a file as the workers ask for it: with their secret, and redirects on the origin's own host alone. `path` may
 * hold a query. Refused as the workers' own adapter refuses.
 */
export async function readFromOrigin(
  asset: Asset,
  origin: HttpAssetOrigin,
  path: string,
  { send, secretOf, originSecrets, clock }: Live,
): Promise<Result<string, Refusal>> {
  const hasty = { ...asset, origin: { ...origin, timeout: seconds(deadlineMs / 1000) } };
  // The adapter's own deadline ends with the headers.
  const bounded: OriginFetch = (url, init) =>
    send(url, { ...init, signal: AbortSignal.any([init.signal, AbortSignal.timeout(2 * deadlineMs)]) });
  const request = { asset: hasty, ...entryFile({ entry: path }), method: "GET" } as const;
  const answered = await httpOrigin({ fetch: bounded, secretOf, originSecrets, clock })(request);
  if (!answered.ok) return answered;
  return ok(await startOf(answered.value).catch(() => ""));
}

/**
 * One file of each kind that players ask this origin for: the playlist of a rendition, its first segment, what that begins
 * with and its key. Of files on other hosts none.
 */
export async function filesBehind(
  asset: Asset,
  origin: HttpAssetOrigin,
  entry: string,
  live: Live,
): Promise<readonly OriginFile[]> {
  const url = origin.url + asset.entry;
  if (!entry.includes("#EXT-X-STREAM-INF:")) return mediaFiles(entry, url, origin.url);
  const rendition = firstLine(entry, url);
  if (rendition === undefined || !rendition.startsWith(origin.url)) return [];
  const read = await readFromOrigin(asset, origin, rendition.slice(origin.url.length), live);
  const playlist = { what: "playlist", url: rendition } as const;
  return [playlist, ...(read.ok ? mediaFiles(read.value, rendition, origin.url) : [])];
}

function mediaFiles(text: string, base: string, prefix: string): readonly OriginFile[] {
  if (!text.trimStart().startsWith("#EXTM3U")) return [];
  const found: readonly (readonly [OriginFile["what"], string | undefined])[] = [
    ["segment", firstLine(text, base) ?? inTag("#EXT-X-PART:", text, base)],
    ["init segment", inTag("#EXT-X-MAP:", text, base)],
    ["key", inTag("#EXT-X-KEY:", text, base)],
  ];
  return found.flatMap(([what, url]) => (url?.startsWith(prefix) === true ? [{ what, url }] : []));
}

/** The first line that is a URI, resolved. */
function firstLine(text: string, base: string): string | undefined {
  const line = text.split(/\r?\n/).find((candidate) => candidate.trim() !== "" && !candidate.startsWith("#"));
  return resolved(line?.trim(), base);
}

function inTag(tag: string, text: string, base: string): string | undefined {
  const lines = text.split(/\r?\n/).filter((line) => line.startsWith(tag));
  const [uri] = lines.flatMap((line) => /[:,]URI="([^"]+)"/.exec(line)?.[1] ?? []);
  return resolved(uri, base);
}

/** None where a variable (EXT-X-DEFINE) stands in it. */
function resolved(uri: string | undefined, base: string): string | undefined {
  if (uri === undefined || uri.includes("{$") || !URL.canParse(uri, base)) return undefined;
  const url = new URL(uri, base);
  url.hash = "";
  return url.href;
}
