import { oneShotHmac } from "../src/platform/node/node-crypto.ts";
import { measureInTurn, ownCpu, type Timed, timed } from "./measure.ts";
import { type Playlist, playlistNamed } from "./playlists.ts";
import { rewriting, viewersPerStep, type Way } from "./rewriting.ts";

/**
 * The number of playlists per round and way. In the two modes of the manifest worker, it is a whole step in an empty
 * isolate.
 */
const times: Readonly<Record<Playlist, Readonly<Record<Way, number>>>> = {
  vod1200: { byHand: 1, copy: 2000, shared: viewersPerStep, session: viewersPerStep },
  live6: { byHand: 100, copy: 50_000, shared: viewersPerStep, session: viewersPerStep },
};
/** A shared step is so fast that several are timed together. */
const sharedSteps = 3;

/** Rewriting in Node: CPU microseconds per playlist. */
export async function rewritingInNode(playlist: Playlist, privateKey: string) {
  const { run } = await rewriting(playlistNamed(playlist), privateKey, oneShotHmac);
  const once = (way: Way): Timed => {
    const count = times[playlist][way];
    return timed(ownCpu, count, () => run(way, count));
  };
  const shared = timed(ownCpu, viewersPerStep * sharedSteps, async () => {
    for (let step = 0; step < sharedSteps; step++) await run("shared", viewersPerStep);
  });
  return measureInTurn({ byHand: once("byHand"), copy: once("copy"), session: once("session"), shared }, 7);
}
