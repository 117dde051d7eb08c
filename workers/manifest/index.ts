import { waitUntil } from "cloudflare:workers";
import { ok } from "../../src/base/result.ts";
import { systemClock, systemMillisecondClock, systemTimer } from "../../src/base/time.ts";
import { type Configuration, readConfiguration } from "../../src/config/configuration.ts";
import { answerMedia } from "../../src/edge/answer-media.ts";
import { probeId, readiness } from "../../src/http/health.ts";
import { PlaylistShelf } from "../../src/manifest/playlist-shelf.ts";
import { directPlaylists } from "../../src/manifest/playlist-source.ts";
import { answerManifest } from "../../src/manifest/serve-playlist.ts";
import { timedOrigin } from "../../src/origin/origin.ts";
import type { TelemetryBindings } from "../../src/platform/cloudflare/isolate-telemetry.ts";
import type { SharedPlaylist } from "../../src/platform/cloudflare/manifest-objects.ts";
import { nobleHmac } from "../../src/platform/cloudflare/noble-hmac.ts";
import { kvCatalogSource } from "../../src/platform/cloudflare/object-clients.ts";
import { mediaOrigin } from "../../src/platform/cloudflare/r2-origin.ts";
import { sharedPlaylists } from "../../src/platform/cloudflare/shared-playlists.ts";
import { configuredWorker, type WorkerBasics } from "../../src/platform/cloudflare/worker-shell.ts";
import { cloudFrontSign, nodeSha256 } from "../../src/platform/node/node-crypto.ts";
import { cloudFrontSigners } from "../../src/signing/cloudfront/asset-signers.ts";
import { rememberGrants } from "../../src/signing/grant.ts";
import { prepareSessionKeys } from "../../src/signing/session-keys.ts";

export { MetricsStore, SharedPlaylist } from "../../src/platform/cloudflare/manifest-objects.ts";

interface Env extends TelemetryBindings<DurableObjectId> {
  readonly CATALOG: KVNamespace;
  readonly SHARED_PLAYLIST: DurableObjectNamespace<SharedPlaylist>;
}

/**
 * Maximum size of the playlists, and of values computed from them, per isolate, in bytes. An isolate has 128 MB in
 * total.
 */
const shelfCapacity = 48 * 1024 * 1024;

const withParts = configuredWorker(
  {
    worker: "manifest",
    read: readConfiguration,
    bindings: ["CATALOG", "SHARED_PLAYLIST"],
    wire: async (
      env: Env,
      configuration: Configuration,
      { telemetry, reporter, reporting, onRefusal }: WorkerBasics,
    ) => {
      const { CATALOG, SHARED_PLAYLIST } = env;
      const { mediaUrl } = configuration;
      const milliseconds = systemMillisecondClock;
      const origin = timedOrigin(mediaOrigin(env, systemClock), telemetry, milliseconds);
      return ok({
        ...configuration,
        reporting,
        reporter,
        mediaHost: new URL(mediaUrl).host,
        clock: systemClock,
        milliseconds,
        keys: await prepareSessionKeys(configuration.ring, nobleHmac),
        open: rememberGrants(10_000),
        catalog: kvCatalogSource(CATALOG, configuration.development, onRefusal),
        source: sharedPlaylists({
          objects: SHARED_PLAYLIST,
          cache: caches.default,
          mediaUrl,
          clock: milliseconds,
          timer: systemTimer,
          direct: directPlaylists({ origin, timer: systemTimer, clock: milliseconds }),
          waitUntil,
          onFailure: onRefusal,
        }),
        onRefusal,
        waitUntil,
        ready: readiness({
          checks: { playlists: async () => SHARED_PLAYLIST.get(SHARED_PLAYLIST.idFromName(probeId)).answers() },
          clock: systemClock,
          timer: systemTimer,
        }),
        sha256: nodeSha256,
        shelf: new PlaylistShelf(shelfCapacity),
        cloudFront: cloudFrontSigners(configuration.ring, mediaUrl, systemClock, (key, hash) =>
          cloudFrontSign({ ...key }, hash),
        ),
      });
    },
  },
  waitUntil,
);

export default {
  fetch(request, env) {
    return withParts(env, (parts) => {
      parts.reporter.linger(waitUntil);
      return answerMedia(request, parts.reporting, (media) => answerManifest(media, parts));
    });
  },
} satisfies ExportedHandler<Env>;
