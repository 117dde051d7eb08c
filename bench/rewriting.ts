import type { MacPort } from "../src/base/crypto.ts";
import { after, seconds, unixSeconds } from "../src/base/time.ts";
import { newSessionKey } from "../src/keys/generate.ts";
import { copyLines, rewriteByHand } from "./baseline.ts";
import { type ManifestBench, manifestBench, mediaPlaylist, mediaUrl, sessionAsset, sharedAsset } from "./manifest.ts";
import { type TargetFor, viewers } from "./viewers.ts";

/** The number of viewers who load the playlist within one step of the expiry plan. */
export const viewersPerStep = 1000;

const ways = ["byHand", "copy", "shared", "session"] as const;

/** By hand, as a plain copy (the lower bound), or by the manifest worker in one of its two modes. */
export type Way = (typeof ways)[number];

export function isWay(text: string | undefined): text is Way {
  return ways.some((way) => way === text);
}

/** Serves a playlist `times` times in one way; `shared` serves it to `times` viewers within a step. */
export interface Rewriting {
  readonly run: (way: Way, times: number) => Promise<void>;
  /** The playlist once, for viewer number `viewer`. */
  readonly once: (way: Way, viewer?: number) => Promise<string>;
  readonly bench: ManifestBench;
  readonly targetFor: TargetFor;
}

/**
 * Everything that serves `text`, in either runtime. `privateKey` is the baseline's, RSA-2048 in PEM; `hmac` is the
 * runtime's fast one.
 */
export async function rewriting(text: string, privateKey: string, hmac: MacPort): Promise<Rewriting> {
  const now = unixSeconds(1_795_000_000);
  const ring = { keys: [newSessionKey("bench", (length) => crypto.getRandomValues(new Uint8Array(length)))] };
  const bench = await manifestBench(text, ring, now, hmac);
  const targetFor = await viewers(ring, () => now);
  const requestsFor = (asset: string) =>
    Array.from({ length: viewersPerStep }, (_, viewer) => {
      const target = targetFor(viewer, { purpose: "playlist", asset, file: mediaPlaylist });
      return new Request(mediaUrl + target);
    });
  const requests = { shared: requestsFor(sharedAsset), session: requestsFor(sessionAsset) };
  const byHand = () =>
    rewriteByHand(text, {
      base: `${mediaUrl}/${sharedAsset}/720p/`,
      keyPairId: "KBENCH",
      privateKey,
      dateLessThan: after(now, seconds(21_600)) * 1000,
    });

  const run = async (way: Way, times: number) => {
    if (way === "byHand" || way === "copy") {
      for (let i = 0; i < times; i++) expectLength((way === "byHand" ? byHand() : copyLines(text)).length, text.length);
      return;
    }
    const serve = bench.freshIsolate();
    for (const request of requests[way].slice(0, times)) {
      const response = await serve(request);
      if (response.status !== 200) throw new Error(`the manifest worker answered ${response.status}`);
      // A shared body is complete in memory, and sending it is the runtime's work, as for the baseline's string. A body
      // for one viewer is read, so that all of its rendering is timed.
      if (way === "shared") await response.body?.cancel();
      else expectLength((await response.text()).length, text.length);
    }
  };
  const once = async (way: Way, viewer = 0) => {
    if (way === "byHand") return byHand();
    if (way === "copy") return copyLines(text);
    const request = requests[way][viewer];
    if (request === undefined) throw new Error(`there is no viewer ${viewer}`);
    return (await bench.freshIsolate()(request)).text();
  };
  return { run, once, bench, targetFor };
}

/** Uses the result, so that the engine cannot skip its computation. */
function expectLength(length: number, atLeast: number): void {
  if (length < atLeast) throw new Error("the rewritten playlist is shorter than the original");
}
