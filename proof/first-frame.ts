import { setTimeout as after } from "node:timers/promises";
import { viewerOf } from "../test/cluster/viewer.ts";
import { type ProofEnvironment, shortLifetimes, timedRun } from "./environment.ts";
import type { Player } from "./player.ts";

/** The maximum time to the first picture, relative to the same stream without protection. */
export const maximumRatio = 1.1;

/** Milliseconds from the manifest URL to the first picture: the median of several openings of each kind. */
export interface FirstFrame {
  readonly player: string;
  readonly asset: string;
  readonly protected: number;
  readonly unprotected: number;
  readonly ratio: number;
}

/** Opens a stream alternately from Stagedoor and from the unprotected server, so that both see the same machine. */
export async function measureFirstFrame(
  player: Player,
  asset: string,
  environment: ProofEnvironment,
  rounds: number,
): Promise<FirstFrame> {
  const cluster = await environment.cluster(shortLifetimes);
  const times = { protected: [] as number[], unprotected: [] as number[] };
  // The first opening of each kind fills caches and does not count.
  for (let round = 0; round <= rounds; round++) {
    const viewer = await viewerOf(cluster.addresses, `first-frame-${player.name}-${asset}-${round}`);
    const { manifestUrl } = await viewer.start({ asset });
    const addresses = { protected: manifestUrl, unprotected: environment.unprotectedUrl(asset) } as const;
    const kinds = ["protected", "unprotected"] as const;
    for (const kind of round % 2 === 0 ? kinds : kinds.toReversed()) {
      const milliseconds = await firstFrame(player, addresses[kind]);
      if (round > 0) times[kind].push(milliseconds);
    }
  }
  const [ours, theirs] = [median(times.protected), median(times.unprotected)];
  return { player: player.name, asset, protected: ours, unprotected: theirs, ratio: ours / theirs };
}

async function firstFrame(player: Player, url: string): Promise<number> {
  const playback = await player.open(url, timedRun, {});
  try {
    for (let waited = 0; waited < 15_000; waited += 50) {
      const { firstFrame } = await playback.state();
      if (firstFrame !== undefined) return firstFrame;
      await after(50);
    }
    throw new Error(`${player.name} showed no picture`);
  } finally {
    await playback.stop();
  }
}

function median(all: readonly number[]): number {
  const sorted = all.toSorted((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
