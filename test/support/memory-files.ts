import { ok, refusal } from "../../src/base/result.ts";
import { systemClock } from "../../src/base/time.ts";
import { contentTypeOf, fileResponse, notModified } from "../../src/origin/file-response.ts";
import type { MediaCache } from "../../src/origin/fill-cache.ts";
import { memoryMediaCache as boundedCache } from "../../src/origin/memory-media-cache.ts";
import type { Origin } from "../../src/origin/origin.ts";
import { namesEntityTag, parseRange, rangeRefusal, resolveRange } from "../../src/origin/ranges.ts";

/** The cache in memory, large enough for every test, and the keys that were put into it. */
export function memoryMediaCache(): MediaCache & { readonly keys: () => readonly string[] } {
  const cache = boundedCache({ capacity: Number.MAX_SAFE_INTEGER, clock: systemClock });
  const keys = new Set<string>();
  return {
    keys: () => [...keys],
    match: cache.match,
    put: async (key, file) => {
      keys.add(key);
      await cache.put(key, file);
    },
  };
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
