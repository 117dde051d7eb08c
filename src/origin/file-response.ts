import { extensionOf } from "../base/alias.ts";
import { type ByteRange, contentRange } from "./ranges.ts";

/** What a store knows of a file. */
export interface FileFacts {
  readonly contentType: string;
  /** In bytes. */
  readonly size: number;
  readonly etag: string | undefined;
  readonly lastModified: string | undefined;
  /** How long it may be kept, as the store was told with the file: see `freshness.ts`. */
  readonly cacheControl?: string | undefined;
  readonly expires?: string | undefined;
}

/** The whole file (200) or one range of it (206), as an origin answers it; without a body for HEAD. */
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

/** What the viewer has is still the file (304). */
export function notModified(facts: Pick<FileFacts, "etag" | "lastModified">): Response {
  return new Response(null, { status: 304, headers: validators(facts) });
}

function validators({ etag, lastModified }: Pick<FileFacts, "etag" | "lastModified">): Headers {
  const headers = new Headers();
  if (etag !== undefined) headers.set("ETag", etag);
  if (lastModified !== undefined) headers.set("Last-Modified", lastModified);
  return headers;
}

/** Media types by file extension: those of HLS (RFC 8216bis §3.1, §4) and of what stands beside it. */
const types: ReadonlyMap<string, string> = new Map([
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
/** What stores write where nobody told them the type. */
const meaningless = new Set([unknown, "binary/octet-stream", "application/x-www-form-urlencoded"]);

/** The media type of a file: what the store says, unless it says nothing that helps; then by the path's extension. */
export function contentTypeOf(path: string, stored: string | null | undefined): string {
  if (stored !== null && stored !== undefined && stored !== "" && !meaningless.has(stored)) return stored;
  return types.get(extensionOf(path).toLowerCase()) ?? unknown;
}
