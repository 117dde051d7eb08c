import { refusal } from "../../base/refusal.ts";
import { ok } from "../../base/result.ts";
import { parseRange, rangeRefusal, resolveRange } from "../../catalog/byte-range.ts";
import { contentTypeOf } from "../../catalog/content-type.ts";
import { namesEntityTag } from "../../catalog/entity-tag.ts";
import { fileResponse, notModified } from "../../catalog/file-response.ts";
import type { Origin } from "../../catalog/origin.ts";

export interface MemoryFile {
  readonly body: Uint8Array<ArrayBuffer>;
  readonly etag?: string;
  readonly lastModified?: string;
  readonly contentType?: string;
  readonly cacheControl?: string;
}

/** An origin whose files stand in a map, each under `<asset id>/<path>` with `?<query>` behind it where there is one. */
export function memoryOrigin(files: ReadonlyMap<string, MemoryFile>): Origin {
  return async ({ asset, path, query, method, range, ifNoneMatch }) => {
    const file = files.get(`${asset.id}/${path}${query === "" ? "" : `?${query}`}`);
    if (file === undefined) return refusal("object_unknown", `${asset.id}: there is no such file in memory`);
    const { body, etag, lastModified, cacheControl } = file;
    const size = body.length;
    const facts = { contentType: contentTypeOf(path, file.contentType), size, etag, lastModified, cacheControl };
    if (namesEntityTag(ifNoneMatch, etag)) return ok(notModified(facts));
    if (method === "HEAD") return ok(fileResponse(facts, undefined, null));
    const asked = parseRange(range);
    if (asked === undefined) return ok(fileResponse(facts, undefined, body));
    const part = resolveRange(asked, size);
    if (part === undefined) return rangeRefusal(size);
    return ok(fileResponse(facts, part, body.subarray(part.offset, part.offset + part.length)));
  };
}
