import { newDevKeys, newIdentitySecret } from "../../cli/lib/dev-keys.ts";
import { freePort } from "../../cli/lib/ports.ts";
import { localAssets, seed, startCluster } from "../../cli/local/cluster.ts";
import { startLiveOrigin } from "../../cli/local/live-origin.ts";
import { settingsFault } from "../../cli/local/local-run.ts";
import { servePage } from "../../cli/local/page.ts";
import type { RingKey } from "../../src/keys/key.ts";
import { keepLine, keepSecrets } from "./kept-logs.ts";

/** The facts that a test needs about running workers. It is plain data, since tests run in other processes. */
export interface TestCluster {
  readonly apiUrl: string;
  readonly mediaUrl: string;
  /** The emulated CloudFront distribution; empty if the configuration is invalid. */
  readonly distributionUrl: string;
  /** The origin of the live streams, which admits only the workers. */
  readonly liveUrl: string;
  /** The whole key ring with private halves, so that tests can sign anything. */
  readonly keys: readonly RingKey[];
}

/**
 * Starts the workers with fresh keys and nothing on disk. `settings` are STAGEDOOR_* variables, `secrets` those that
 * the catalog names; `ringKeys` replace the fresh keys.
 */
export async function startTestCluster(
  settings: Readonly<Record<string, string>>,
  log: string[] = [],
  secrets: Readonly<Record<string, string>> = {},
  ringKeys?: readonly RingKey[],
) {
  const keys = ringKeys ?? (await newDevKeys());
  const ring = { keys };
  const mediaPort = await freePort();
  const live = await startLiveOrigin({ port: 0 });
  const identitySecret = newIdentitySecret();
  keepSecrets(keys, settings, secrets, live.secrets, { identitySecret });
  const addressed = { STAGEDOOR_API_URL: "http://localhost", ...settings };
  const isValid =
    settingsFault({ ring, mediaUrl: `http://localhost:${mediaPort}`, settings: addressed, identitySecret }) ===
    undefined;
  const cluster = await startCluster({
    ring,
    identitySecret,
    port: await freePort(),
    mediaPort,
    // Workers with a wrong configuration have none, because the function has their settings.
    distributionPort: isValid ? 0 : undefined,
    settings,
    secrets: { ...live.secrets, ...secrets },
    originSecrets: live.originSecrets,
    statePath: undefined,
    page: servePage({
      ring,
      mediaUrl: `http://localhost:${mediaPort}`,
      distributionUrl: () => cluster.distribution?.url,
      basePath: settings.STAGEDOOR_BASE_PATH,
      assets: () => localAssets(cluster.miniflare),
    }),
    log: (line) => {
      log.push(line);
      keepLine(line);
    },
  });
  const { apiUrl, mediaUrl } = cluster;
  const distributionUrl = cluster.distribution?.url ?? "";
  await seed(cluster.miniflare, { liveUrl: live.url, distributionUrl: cluster.distribution?.url });
  const addresses: TestCluster = { apiUrl, mediaUrl, distributionUrl, liveUrl: live.url, keys };
  const stop = async () => {
    await cluster.stop();
    await live.stop();
  };
  return { addresses, miniflare: cluster.miniflare, stop };
}
