import { extensionOf } from "../base/alias.ts";

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
