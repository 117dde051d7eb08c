import type { MediaCache } from "../../origin/fill-cache.ts";

/** The part of Cloudflare's Cache that is used here. */
export interface EdgeCache {
  match(request: Request): Promise<Response | undefined>;
  put(url: string, response: Response): Promise<void>;
  delete(url: string): Promise<boolean>;
}

/**
 * The cache of a Cloudflare data centre (`caches.default`). It answers Range and If-None-Match by itself. `mediaUrl` is
 * the media host's own address (no slash at its end): the cache is one for all workers of a zone, so the entries of
 * staging must not be used for production, and a purge by prefix finds them. No viewer's request can meet an entry
 * but through the worker, since `.files` is no grant.
 */
export function edgeMediaCache(cache: EdgeCache, mediaUrl: string): MediaCache {
  const urlOf = (key: string) => `${mediaUrl}/.files/${encodeURIComponent(key)}`;
  return {
    match: (key, headers) => cache.match(new Request(urlOf(key), { headers })),
    put: async (key, { headers, body }) => {
      const url = urlOf(key);
      try {
        await cache.put(url, new Response(body, { headers }));
      } catch (error) {
        // What a failed put leaves behind is nobody's promise.
        await cache.delete(url);
        throw error;
      }
    },
  };
}
