import { waitUntil } from "cloudflare:workers";
import { ok } from "../../src/base/result.ts";
import { systemClock, systemMillisecondClock, systemTimer } from "../../src/base/time.ts";
import { type Configuration, readConfiguration } from "../../src/config/configuration.ts";
import { probeId } from "../../src/http/health.ts";
import { directPlaylists } from "../../src/manifest/playlist-source.ts";
import { timedOrigin } from "../../src/origin/origin.ts";
import type { TelemetryBindings } from "../../src/platform/cloudflare/isolate-telemetry.ts";
import type { SharedPlaylist } from "../../src/platform/cloudflare/manifest-objects.ts";
import { mediaOrigin } from "../../src/platform/cloudflare/r2-origin.ts";
import { sharedPlaylists } from "../../src/platform/cloudflare/shared-playlists.ts";
import { configuredWorker, type WorkerBasics, workerPorts } from "../../src/platform/cloudflare/worker-shell.ts";
import { cloudFrontSign } from "../../src/platform/node/node-crypto.ts";
import { manifestService } from "../../src/service/media-service.ts";

export { MetricsStore, SharedPlaylist } from "../../src/platform/cloudflare/manifest-objects.ts";

interface Env extends TelemetryBindings<DurableObjectId> {
  readonly CATALOG: KVNamespace;
  readonly SHARED_PLAYLIST: DurableObjectNamespace<SharedPlaylist>;
}

/** An isolate has 128 MB in total. */
const shelfCapacity = 48 * 1024 * 1024;

const withManifest = configuredWorker(
  {
    worker: "manifest",
    read: readConfiguration,
    bindings: ["CATALOG", "SHARED_PLAYLIST"],
    wire: async (env: Env, configuration: Configuration, basics: WorkerBasics) => {
      const { SHARED_PLAYLIST } = env;
      const { telemetry, reporter, onRefusal } = basics;
      const clock = systemMillisecondClock;
      const origin = timedOrigin(mediaOrigin(env, systemClock), telemetry, clock);
      const answer = await manifestService(configuration, {
        ...workerPorts(env.CATALOG, configuration, basics),
        source: sharedPlaylists({
          objects: SHARED_PLAYLIST,
          cache: caches.default,
          mediaUrl: configuration.mediaUrl,
          clock,
          timer: systemTimer,
          direct: directPlaylists({ origin, timer: systemTimer, clock }),
          waitUntil,
          onFailure: onRefusal,
        }),
        signWith: (key, hash) => cloudFrontSign({ ...key }, hash),
        readinessChecks: {
          playlists: async () => SHARED_PLAYLIST.get(SHARED_PLAYLIST.idFromName(probeId)).answers(),
        },
        shelfCapacity,
        mostSessions: 10_000,
      });
      return ok({ answer, reporter });
    },
  },
  waitUntil,
);

export default {
  fetch(request, env) {
    return withManifest(env, ({ answer, reporter }) => {
      reporter.linger(waitUntil);
      return answer(request, waitUntil);
    });
  },
} satisfies ExportedHandler<Env>;
