import { textBytes } from "../src/base/lossless-text.ts";
import { ok } from "../src/base/result.ts";
import { SharedPlaylist } from "../src/platform/cloudflare/playlist-object.ts";

/** Fresh for half a minute, however busy the machine is. With byte order marks and Latin-1, which have to reach the viewer through the object and the cache. */
const text = "\uFEFF\uFEFF#EXTM3U\n#EXT-X-TARGETDURATION:60\n#EXTINF:60,Fran\uDCE7ais \u00e7\n0.ts\n";

/** The real object, with an origin that takes its time and counts what it is asked. */
export class CountedSharedPlaylist extends SharedPlaylist {
  readonly #asked: string[];

  constructor(state: DurableObjectState, env: Cloudflare.Env) {
    const asked: string[] = [];
    super(state, env, async ({ path, query }) => {
      asked.push(`${path}?${query}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
      return ok(new Response(textBytes(text), { headers: { ETag: '"1"' } }));
    });
    this.#asked = asked;
  }

  asked(): string[] {
    return this.#asked;
  }
}
