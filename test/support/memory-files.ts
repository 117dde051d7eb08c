import { ok, refusal } from "../../src/base/result.ts";
import { contentTypeOf, type FileFacts, fileResponse, notModified } from "../../src/origin/file-response.ts";
import type { MediaCache, WholeFile } from "../../src/origin/fill-cache.ts";
import type { Origin } from "../../src/origin/origin.ts";
import { namesEntityTag, parseRange, rangeRefusal, resolveRange } from "../../src/origin/ranges.ts";

/** A {@link MediaCache} in memory for tests, without a size limit and without expiry. */
export function memoryMediaCache(): MediaCache & { readonly keys: () => readonly string[] } {
  const entries = new Map<string, WholeFile>();
  return {
    keys: () => [...entries.keys()],
    match: async (key, headers) => {
      const entry = entries.get(key);
      return entry === undefined ? undefined : cachedResponse(entry, headers);
    },
    put: async (key, file) => void entries.set(key, file),
  };
}

function cachedResponse({ body, headers }: WholeFile, requestHeaders: Readonly<Record<string, string>>): Response {
  const size = body.length;
  const facts = {
    contentType: headers.get("Content-Type") ?? "",
    size,
    etag: headers.get("ETag") ?? undefined,
    lastModified: headers.get("Last-Modified") ?? undefined,
  };
  if (namesEntityTag(requestHeaders["If-None-Match"], facts.etag)) return unchanged(facts);
  const range = parseRange(requestHeaders.Range);
  if (range === undefined) return fileResponse(facts, undefined, body);
  const part = resolveRange(range, size);
  if (part === undefined) return new Response(null, { status: 416, headers: { "Content-Range": `bytes */${size}` } });
  return fileResponse(facts, part, body.subarray(part.offset, part.offset + part.length));
}

/** A 304 like that of Cloudflare's cache: with the length of the whole file, which the caller removes. */
function unchanged(facts: FileFacts): Response {
  const response = notModified(facts);
  response.headers.set("Content-Length", String(facts.size));
  return response;
}

export interface MemoryFile {
  readonly body: Uint8Array<ArrayBuffer>;
  readonly etag?: string;
  readonly lastModified?: string;
  readonly contentType?: string;
  readonly cacheControl?: string;
}

/** An origin with its files in a map. A key is `<asset id>/<path>`, with `?<query>` if there is one. */
export function memoryOrigin(files: ReadonlyMap<string, MemoryFile>): Origin {
  return async ({ asset, path, query, method, range, ifNoneMatch }) => {
    const file = files.get(`${asset.id}/${path}${query === "" ? "" : `?${query}`}`);
    if (file === undefined) return refusal("object_unknown", `${asset.id}: there is no such file in memory`);
    const { body, etag, lastModified, cacheControl } = file;
    const size = body.length;
    const facts = { contentType: contentTypeOf(path, file.contentType), size, etag, lastModified, cacheControl };
    if (namesEntityTag(ifNoneMatch, etag)) return ok(notModified(facts));
    if (method === "HEAD") return ok(fileResponse(facts, undefined, null));
    const parsed = parseRange(range);
    if (parsed === undefined) return ok(fileResponse(facts, undefined, body));
    const part = resolveRange(parsed, size);
    if (part === undefined) return rangeRefusal(size);
    return ok(fileResponse(facts, part, body.subarray(part.offset, part.offset + part.length)));
  };
}
