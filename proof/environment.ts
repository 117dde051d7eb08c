import { randomBytes } from "node:crypto";
import { newDevKeys } from "../cli/lib/dev-keys.ts";
import { freePort } from "../cli/lib/ports.ts";
import { startLiveOrigin } from "../cli/local/live-origin.ts";
import { newSessionKey } from "../src/keys/generate.ts";
import type { RingKey } from "../src/keys/key.ts";
import type { DeploymentKind } from "./deployments.ts";
import { films } from "./films.ts";
import { type Distance, type MediaHost, startMediaHost } from "./media-host.ts";
import { startPageServer } from "./page-server.ts";
import { serveUnprotected } from "./unprotected-server.ts";

/** A deployment behind a proxy that counts requests. */
export interface CountedCluster {
  readonly addresses: { readonly apiUrl: string; readonly mediaUrl: string; readonly keys: readonly RingKey[] };
  readonly media: MediaHost;
}

/** The environment of a run. Each deployment starts when it is first needed. */
export interface ProofEnvironment {
  readonly site: Awaited<ReturnType<typeof startPageServer>>;
  readonly unprotected: MediaHost;
  /** The URL of a stream on the unprotected server. */
  unprotectedUrl(asset: string): string;
  /** `rotationInterval`: seconds after which the next session key takes over. */
  cluster(settings: Readonly<Record<string, string>>, rotationInterval?: number): Promise<CountedCluster>;
  stop(): Promise<void>;
}

/** Signatures that expire within seconds instead of minutes, so that an hour of a deployment takes a minute here. */
export const shortLifetimes = { STAGEDOOR_PAUSE_ALLOWANCE: "0", STAGEDOOR_EXPIRY_STEP: "1" } as const;

/** The run that times the players. */
export const timedRun = "first-frame";

/** The distance between a viewer and a CDN's nearest edge is about 20 ms. It does not matter for counts. */
const distance: Distance = (run) => (run === timedRun ? 20 : 0);

export async function startEnvironment(kind: DeploymentKind): Promise<ProofEnvironment> {
  const files = films();
  const site = await startPageServer();
  const unprotectedFiles = await serveUnprotected(files);
  const live = await startLiveOrigin({ port: 0, access: "anybody" });
  const livePort = Number(new URL(live.url).port);
  const unprotected = await startMediaHost(
    await freePort(),
    (path) => (path.startsWith("/live") ? livePort : unprotectedFiles.port),
    distance,
  );
  const clusters = new Map<string, Promise<CountedCluster & { stop(): Promise<void> }>>();

  async function start(settings: Readonly<Record<string, string>>, rotationInterval: number | undefined) {
    const keys = await newDevKeys();
    const ring = rotationInterval === undefined ? keys : [...keys, ...rotatingKeys(rotationInterval)];
    const port = await freePort();
    const mediaUrl = `http://localhost:${port}`;
    const deployment = await kind.start({ mediaUrl, settings, keys: ring, films: files });
    const media = await startMediaHost(port, () => deployment.mediaPort, distance);
    return {
      addresses: { apiUrl: deployment.apiUrl, mediaUrl, keys: ring },
      media,
      async stop() {
        media.stop();
        await deployment.stop();
      },
    };
  }

  return {
    site,
    unprotected,
    unprotectedUrl: (asset) => `${unprotected.url}/${asset}/index.m3u8`,
    cluster(settings, rotationInterval) {
      const name = JSON.stringify([settings, rotationInterval]);
      const known = clusters.get(name) ?? start(settings, rotationInterval);
      clusters.set(name, known);
      return known;
    },
    async stop() {
      site.stop();
      unprotected.stop();
      unprotectedFiles.stop();
      await live.stop();
      for (const starting of clusters.values()) await (await starting).stop();
    },
  };
}

/** Session keys for an hour, each of which signs until the next one takes over, and verifies for three minutes. */
function rotatingKeys(interval: number): RingKey[] {
  const now = Math.floor(Date.now() / 1000);
  return Array.from({ length: 3600 / interval }, (_, number) => {
    const nbf = now + number * interval;
    return { ...newSessionKey(`rotating-${number}`, randomBytes), nbf, exp: nbf + 180 };
  });
}
