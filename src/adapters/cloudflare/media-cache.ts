import type { MediaCache } from "../../flows/media-cache.ts";

/** workerd's own; declared here for those who type this file without Cloudflare's types. */
declare const FixedLengthStream: new (length: number) => TransformStream<Uint8Array, Uint8Array>;

/** The part of Cloudflare's Cache that is used here. */
export interface EdgeCache {
  match(request: Request): Promise<Response | undefined>;
  put(url: string, response: Response): Promise<void>;
  delete(url: string): Promise<boolean>;
}

/**
 * The cache of a Cloudflare data centre (`caches.default`). It answers Range and If-None-Match by itself. `mediaUrl` is
 * the media host's own address (no slash at its end): the cache is one for all workers of a zone, so the entries of
 * staging must not stand for those of production, and a purge by prefix finds them. No viewer's request can meet an entry
 * but through the worker, since `.files` is no grant.
 */
export function edgeMediaCache(cache: EdgeCache, mediaUrl: string): MediaCache {
  const urlOf = (key: string) => `${mediaUrl}/.files/${encodeURIComponent(key)}`;
  return {
    match: (key, headers) => cache.match(new Request(urlOf(key), { headers })),
    put: async (key, response) => {
      const url = urlOf(key);
      try {
        await cache.put(url, measured(response));
      } catch (error) {
        await cache.delete(url);
        throw error;
      }
    },
  };
}

/** A body that ends before the length it promised fails instead of being kept: workerd would keep the shorter file. */
function measured(response: Response): Response {
  const length = Number(response.headers.get("Content-Length") ?? Number.NaN);
  if (response.body === null || !Number.isSafeInteger(length)) return response;
  const { status, headers } = response;
  return new Response(response.body.pipeThrough(new FixedLengthStream(length)), { status, headers });
}
