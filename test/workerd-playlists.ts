import { textBytes } from "../src/base/lossless-text.ts";
import { ok } from "../src/base/result.ts";
import { SharedPlaylist } from "../src/platform/cloudflare/manifest-objects.ts";

/**
 * Fresh for 30 seconds, even on a busy machine. Its byte order marks and Latin-1 characters must reach the viewer
 * unchanged through the object and the cache.
 */
const text = "\uFEFF\uFEFF#EXTM3U\n#EXT-X-TARGETDURATION:60\n#EXTINF:60,Fran\uDCE7ais \u00e7\n0.ts\n";

/** The real object with a slow origin that records its requests. */
export class CountedSharedPlaylist extends SharedPlaylist {
  readonly #requests: string[];

  constructor(state: DurableObjectState, env: Cloudflare.Env) {
    const requests: string[] = [];
    super(state, env, async ({ path, query }) => {
      requests.push(`${path}?${query}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
      return ok(new Response(textBytes(text), { headers: { ETag: '"1"' } }));
    });
    this.#requests = requests;
  }

  requests(): string[] {
    return this.#requests;
  }
}
