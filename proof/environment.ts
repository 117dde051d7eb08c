import { randomBytes } from "node:crypto";
import { newDevKeys } from "../cli/lib/dev-keys.ts";
import { startLiveOrigin } from "../cli/local/live-origin.ts";
import { freePort } from "../cli/local/ports.ts";
import { newSessionKey } from "../src/keys/generate.ts";
import type { RingKey } from "../src/keys/key.ts";
import { startTestCluster, type TestCluster } from "../test/cluster/test-cluster.ts";
import { films, seedFilms } from "./films.ts";
import { type Distance, type MediaHost, startMediaHost } from "./media-host.ts";
import { startPageServer } from "./page-server.ts";
import { serveUnprotected } from "./unprotected-server.ts";

/** The workers with a media host in front that counts. */
export interface CountedCluster {
  readonly addresses: TestCluster;
  readonly media: MediaHost;
}

/** Everything that a run needs beside players; each cluster is started when it is first asked for. */
export interface ProofEnvironment {
  readonly site: Awaited<ReturnType<typeof startPageServer>>;
  readonly unprotected: MediaHost;
  /** A stream's address where anybody may have it. */
  unprotectedUrl(asset: string): string;
  /** `rotatesEvery`: seconds after which another session key takes over. */
  cluster(settings: Readonly<Record<string, string>>, rotatesEvery?: number): Promise<CountedCluster>;
  stop(): Promise<void>;
}

/** Signatures of seconds, where a deployment has minutes: what takes an hour in life takes a moment here. */
export const shortLifetimes = { STAGEDOOR_PAUSE_ALLOWANCE: "0", STAGEDOOR_EXPIRY_STEP: "1" } as const;

/** The run in which players are timed. */
export const timedRun = "first-frame";

/** Between a viewer and the next edge of a CDN lie some 20 ms; for what is counted they do not matter. */
const distance: Distance = (run) => (run === timedRun ? 20 : 0);

export async function startEnvironment(): Promise<ProofEnvironment> {
  const made = films();
  const site = await startPageServer();
  const files = await serveUnprotected(made);
  const live = await startLiveOrigin({ port: 0, access: "anybody" });
  const livePort = Number(new URL(live.url).port);
  const unprotected = await startMediaHost(
    await freePort(),
    (path) => (path.startsWith("/live") ? livePort : files.port),
    distance,
  );
  const clusters = new Map<string, Promise<CountedCluster & { stop(): Promise<void> }>>();

  async function start(settings: Readonly<Record<string, string>>, rotatesEvery: number | undefined) {
    let behind = 0;
    const media = await startMediaHost(await freePort(), () => behind, distance);
    // Players use the counting host's address, and the workers behind it sign for that address.
    const keys = await newDevKeys();
    const ring = rotatesEvery === undefined ? keys : [...keys, ...rotatingKeys(rotatesEvery)];
    const cluster = await startTestCluster({ ...settings, STAGEDOOR_MEDIA_URL: media.url }, [], {}, ring);
    behind = Number(new URL(cluster.addresses.mediaUrl).port);
    await seedFilms(cluster.miniflare, made);
    return {
      addresses: { ...cluster.addresses, mediaUrl: media.url },
      media,
      async stop() {
        media.stop();
        await cluster.stop();
      },
    };
  }

  return {
    site,
    unprotected,
    unprotectedUrl: (asset) => `${unprotected.url}/${asset}/index.m3u8`,
    cluster(settings, rotatesEvery) {
      const name = JSON.stringify([settings, rotatesEvery]);
      const known = clusters.get(name) ?? start(settings, rotatesEvery);
      clusters.set(name, known);
      return known;
    },
    async stop() {
      site.stop();
      unprotected.stop();
      files.stop();
      await live.stop();
      for (const starting of clusters.values()) await (await starting).stop();
    },
  };
}

/** Session keys that take over from one another for an hour; each verifies for three minutes after it came into use. */
function rotatingKeys(every: number): RingKey[] {
  const now = Math.floor(Date.now() / 1000);
  return Array.from({ length: 3600 / every }, (_, number) => {
    const nbf = now + number * every;
    return { ...newSessionKey(`rotating-${number}`, randomBytes), nbf, exp: nbf + 180 };
  });
}
