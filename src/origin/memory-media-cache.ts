import { WeighedMap } from "../base/bounded-map.ts";
import { after, type Clock, seconds, type UnixSeconds } from "../base/time.ts";
import { type FileFacts, fileResponse, notModified } from "./file-response.ts";
import type { MediaCache, WholeFile } from "./fill-cache.ts";
import { namesEntityTag, parseRange, resolveRange } from "./ranges.ts";

interface Entry {
  readonly file: WholeFile;
  readonly until: UnixSeconds;
}

/** Bytes that an entry needs in addition to its body: headers, key and bookkeeping. */
const entryOverhead = 1024;

/** A {@link MediaCache} of at most `capacity` bytes in memory. The least recently used files are removed first. */
export function memoryMediaCache({
  capacity,
  clock,
}: {
  readonly capacity: number;
  readonly clock: Clock;
}): MediaCache {
  const entries = new WeighedMap<Entry>(capacity);
  return {
    match: async (key, headers) => {
      const entry = entries.get(key);
      if (entry !== undefined && entry.until > clock()) return responseOf(entry.file, headers);
      entries.delete(key);
      return undefined;
    },
    put: async (key, file) => {
      const life = /max-age=(\d+)/.exec(file.headers.get("Cache-Control") ?? "")?.[1] ?? "0";
      entries.put(key, { file, until: after(clock(), seconds(Number(life))) }, file.body.length + entryOverhead);
    },
  };
}

function responseOf({ body, headers }: WholeFile, asked: Readonly<Record<string, string>>): Response {
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

/** A 304 like that of Cloudflare's cache: with the length of the whole file, which the caller removes. */
function unchanged(facts: FileFacts): Response {
  const response = notModified(facts);
  response.headers.set("Content-Length", String(facts.size));
  return response;
}
