import { extensionOf } from "../base/alias.ts";
import { type ByteRange, contentRange } from "./ranges.ts";

/** A file's metadata in a store. */
export interface FileFacts {
  readonly contentType: string;
  /** In bytes. */
  readonly size: number;
  readonly etag: string | undefined;
  readonly lastModified: string | undefined;
  /** How long it may be cached, as stored with the file: see `freshness.ts`. */
  readonly cacheControl?: string | undefined;
  readonly expires?: string | undefined;
}

/** The whole file (200) or one range (206), as an origin responds; without a body for HEAD. */
export function fileResponse(facts: FileFacts, range: ByteRange | undefined, body: BodyInit | null): Response {
  const headers = validators(facts);
  headers.set("Content-Type", facts.contentType);
  headers.set("Accept-Ranges", "bytes");
  headers.set("Content-Length", String(range?.length ?? facts.size));
  if (facts.cacheControl !== undefined) headers.set("Cache-Control", facts.cacheControl);
  if (facts.expires !== undefined) headers.set("Expires", facts.expires);
  if (range !== undefined) headers.set("Content-Range", contentRange(range, facts.size));
  return new Response(body, { status: range === undefined ? 200 : 206, headers });
}

/** The viewer's copy is current (304). */
export function notModified(facts: Pick<FileFacts, "etag" | "lastModified">): Response {
  return new Response(null, { status: 304, headers: validators(facts) });
}

function validators({ etag, lastModified }: Pick<FileFacts, "etag" | "lastModified">): Headers {
  const headers = new Headers();
  if (etag !== undefined) headers.set("ETag", etag);
  if (lastModified !== undefined) headers.set("Last-Modified", lastModified);
  return headers;
}

/** Media types by file extension: HLS (RFC 8216bis §3.1, §4) and files that accompany it. */
export const contentTypes: ReadonlyMap<string, string> = new Map([
  ["m3u8", "application/vnd.apple.mpegurl"],
  ["m3u", "application/vnd.apple.mpegurl"],
  ["ts", "video/mp2t"],
  ["m2ts", "video/mp2t"],
  ["mp4", "video/mp4"],
  ["m4v", "video/mp4"],
  ["m4s", "video/mp4"],
  ["cmfv", "video/mp4"],
  ["m4a", "audio/mp4"],
  ["cmfa", "audio/mp4"],
  ["aac", "audio/aac"],
  ["mp3", "audio/mpeg"],
  ["ac3", "audio/ac3"],
  ["ec3", "audio/eac3"],
  ["vtt", "text/vtt; charset=utf-8"],
  ["webvtt", "text/vtt; charset=utf-8"],
  ["cmft", "application/mp4"],
  ["json", "application/json"],
  ["key", "application/octet-stream"],
  ["jpg", "image/jpeg"],
  ["jpeg", "image/jpeg"],
  ["png", "image/png"],
  ["webp", "image/webp"],
]);

const unknown = "application/octet-stream";
/** Types that stores use by default. */
const meaningless = new Set([unknown, "binary/octet-stream", "application/x-www-form-urlencoded"]);

/** The media type of a file: the stored one, unless it is a default; then by the path's extension. */
export function contentTypeOf(path: string, stored: string | null | undefined): string {
  if (stored !== null && stored !== undefined && stored !== "" && !meaningless.has(stored)) return stored;
  return contentTypes.get(extensionOf(path).toLowerCase()) ?? unknown;
}
