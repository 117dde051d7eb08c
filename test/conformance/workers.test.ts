import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { newIdentitySecret } from "../../cli/lib/dev-keys.ts";
import { freePort } from "../../cli/lib/ports.ts";
import { copyToBucket, filesBelow, seed, startCluster } from "../../cli/local/cluster.ts";
import { startLiveOrigin } from "../../cli/local/live-origin.ts";
import { devIssuer } from "../../src/config/configuration.ts";
import type { RingKey } from "../../src/keys/key.ts";
import { keepLine, keepSecrets } from "../cluster/kept-logs.ts";
import { type Deployment, newRing, ownAssets, settings, writeOwnFilms } from "./deployment.ts";
import { conformance } from "./suite.ts";

/** The workers in workerd, with a live origin. A new ring is deployed as a restart with the same stores. */
async function startWorkers(): Promise<Deployment> {
  const statePath = mkdtempSync(join(tmpdir(), "stagedoor-workers-"));
  const [port, mediaPort, live] = [await freePort(), await freePort(), await startLiveOrigin({ port: 0 })];
  const identitySecret = newIdentitySecret();
  const lines: string[] = [];
  let keys: readonly RingKey[] = await newRing();
  const run = () => {
    keepSecrets(keys, live.secrets, { identitySecret });
    return startCluster({
      ...{ ring: { keys }, identitySecret, port, mediaPort, statePath, settings },
      ...{ secrets: live.secrets, originSecrets: live.originSecrets },
      page: async () => {
        throw new Error("no test loads the page");
      },
      log: (line) => {
        lines.push(line);
        keepLine(line);
      },
    });
  };
  let cluster = await run();
  const assets = ownAssets.map((asset) => ({
    ...asset,
    origin: { type: "r2", binding: "MEDIA", prefix: `${asset.id}/` },
    entry: "index.m3u8",
  }));
  const films = join(statePath, "films");
  writeOwnFilms(films);
  await copyToBucket(cluster.miniflare, "MEDIA", films, filesBelow(films));
  await seed(cluster.miniflare, { liveUrl: live.url }, assets);
  return {
    apiUrl: cluster.apiUrl,
    mediaUrl: cluster.mediaUrl,
    issuer: devIssuer,
    addressHeader: "CF-Connecting-IP",
    get keys() {
      return keys;
    },
    log: () => lines.join("\n"),
    async deploy(next) {
      keys = next;
      await cluster.stop();
      cluster = await run();
    },
    async stop() {
      await cluster.stop();
      await live.stop();
      rmSync(statePath, { recursive: true, force: true });
    },
  };
}

conformance("the workers", startWorkers);
