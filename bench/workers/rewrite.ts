import { nobleHmac } from "../../src/platform/cloudflare/noble-hmac.ts";
import { isPlaylist, type Playlist, playlistNamed } from "../playlists.ts";
import { isWay, type Rewriting, rewriting } from "../rewriting.ts";

interface Env {
  /** The baseline's key, PEM. */
  readonly PRIVATE_KEY: string;
}

const prepared = new Map<Playlist, Rewriting>();

/**
 * `/<playlist>/<way>/<times>` does that work and answers when it is done: the clock of workerd does not advance within a
 * request, so it is timed from outside.
 */
export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const [, playlist, way, times] = new URL(request.url).pathname.split("/");
    if (!isPlaylist(playlist) || !isWay(way)) return new Response(null, { status: 404 });
    const known = prepared.get(playlist) ?? (await rewriting(playlistNamed(playlist), env.PRIVATE_KEY, nobleHmac));
    prepared.set(playlist, known);
    await known.run(way, Number(times));
    return new Response("done");
  },
};
