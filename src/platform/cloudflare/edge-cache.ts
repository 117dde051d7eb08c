import type { MediaCache } from "../../origin/fill-cache.ts";

/** The part of Cloudflare's Cache that is used here. */
export interface EdgeCache {
  match(request: Request): Promise<Response | undefined>;
  put(url: string, response: Response): Promise<void>;
  delete(url: string): Promise<boolean>;
}

/**
 * The cache of a Cloudflare data centre (`caches.default`), which answers Range and If-None-Match by itself. All
 * workers of a zone share it: the media host's URL in the key (without a trailing slash) keeps entries of staging out
 * of production, and allows a purge by prefix. Viewers reach entries only through the worker, since `.files` is not a
 * grant.
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
        // A failed put may leave a partial entry.
        await cache.delete(url);
        throw error;
      }
    },
  };
}
