import { parseRange, resolveRange } from "../../catalog/byte-range.ts";
import { namesEntityTag } from "../../catalog/entity-tag.ts";
import { type FileFacts, fileResponse, notModified } from "../../catalog/file-response.ts";
import type { MediaCache, WholeFile } from "../../flows/media-cache.ts";

/** A {@link MediaCache} in memory, without a bound and without an end of its entries: for tests. */
export function memoryMediaCache(): MediaCache & { readonly keys: () => readonly string[] } {
  const entries = new Map<string, WholeFile>();
  return {
    keys: () => [...entries.keys()],
    match: async (key, headers) => {
      const entry = entries.get(key);
      return entry === undefined ? undefined : answer(entry, headers);
    },
    put: async (key, file) => void entries.set(key, file),
  };
}

function answer({ body, headers }: WholeFile, asked: Readonly<Record<string, string>>): Response {
  const size = body.length;
  const facts = {
    contentType: headers.get("Content-Type") ?? "",
    size,
    etag: headers.get("ETag") ?? undefined,
    lastModified: headers.get("Last-Modified") ?? undefined,
  };
  if (namesEntityTag(asked["If-None-Match"], facts.etag)) return unchanged(facts);
  const range = parseRange(asked.Range);
  if (range === undefined) return fileResponse(facts, undefined, body);
  const part = resolveRange(range, size);
  if (part === undefined) return new Response(null, { status: 416, headers: { "Content-Range": `bytes */${size}` } });
  return fileResponse(facts, part, body.subarray(part.offset, part.offset + part.length));
}

/** As Cloudflare's cache answers: with the whole file's length, which is the flow's to take out. */
function unchanged(facts: FileFacts): Response {
  const response = notModified(facts);
  response.headers.set("Content-Length", String(facts.size));
  return response;
}
