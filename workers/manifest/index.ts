import { waitUntil } from "cloudflare:workers";
import { ok, type Refusal, refuse } from "../../src/base/result.ts";
import { systemClock, systemMillisecondClock, systemTimer } from "../../src/base/time.ts";
import { keepCatalog, usualMaxAge } from "../../src/catalog/catalog-source.ts";
import type { Configuration } from "../../src/config/configuration.ts";
import { answerMedia } from "../../src/edge/answer-media.ts";
import { probeId, readiness } from "../../src/http/health.ts";
import { logRefusal } from "../../src/http/request-log.ts";
import { PlaylistShelf } from "../../src/manifest/playlist-shelf.ts";
import { directPlaylists } from "../../src/manifest/playlist-source.ts";
import { answerManifest } from "../../src/manifest/serve-playlist.ts";
import { timedOrigin } from "../../src/origin/origin.ts";
import {
  countedBy,
  isolateTelemetry,
  type TelemetryBindings,
} from "../../src/platform/cloudflare/isolate-telemetry.ts";
import { nobleHmac } from "../../src/platform/cloudflare/noble-hmac.ts";
import { kvCatalog } from "../../src/platform/cloudflare/object-clients.ts";
import type { SharedPlaylist } from "../../src/platform/cloudflare/playlist-object.ts";
import { mediaOrigin } from "../../src/platform/cloudflare/r2-origin.ts";
import { sharedPlaylists } from "../../src/platform/cloudflare/shared-playlists.ts";
import { configured, missingBindings } from "../../src/platform/cloudflare/worker-shell.ts";
import { cloudFrontSign, nodeSha256 } from "../../src/platform/node/node-crypto.ts";
import { cloudFrontSigners } from "../../src/signing/cloudfront/asset-signers.ts";
import { rememberGrants } from "../../src/signing/grant.ts";
import { prepareSessionKeys } from "../../src/signing/session-keys.ts";

export { MetricsStore } from "../../src/platform/cloudflare/metrics-object.ts";
export { SharedPlaylist } from "../../src/platform/cloudflare/playlist-object.ts";

interface Env extends TelemetryBindings<DurableObjectId> {
  readonly CATALOG: KVNamespace;
  readonly SHARED_PLAYLIST: DurableObjectNamespace<SharedPlaylist>;
}

const log = (line: string) => console.log(line);

/** Bytes of playlists, and of what is made of them, that an isolate keeps: it has 128 MB for everything. */
const shelfCapacity = 48 * 1024 * 1024;

const withParts = configured(
  "manifest",
  log,
  countedBy("manifest", waitUntil),
  async (env: Env, configuration: Configuration) => {
    const { CATALOG, SHARED_PLAYLIST } = env;
    const missing = missingBindings({ CATALOG, SHARED_PLAYLIST });
    if (missing.length > 0) return refuse(missing);
    const { mediaUrl } = configuration;
    const onRefusal = (why: Refusal) => logRefusal(log, "manifest", why);
    const milliseconds = systemMillisecondClock;
    const { telemetry, reporter } = isolateTelemetry("manifest", env);
    const origin = timedOrigin(mediaOrigin(env, systemClock), telemetry, milliseconds);
    const random = (length: number) => crypto.getRandomValues(new Uint8Array(length));
    return ok({
      ...configuration,
      reporting: { worker: "manifest", log, telemetry, random },
      reporter,
      mediaHost: new URL(mediaUrl).host,
      clock: systemClock,
      milliseconds,
      keys: await prepareSessionKeys(configuration.ring, nobleHmac),
      open: rememberGrants(10_000),
      catalog: keepCatalog({
        load: kvCatalog(CATALOG),
        clock: systemClock,
        maxAge: usualMaxAge(configuration.development),
        onRefusal,
      }),
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
);

export default {
  fetch(request, env) {
    return withParts(env, (parts) => {
      parts.reporter.linger(waitUntil);
      return answerMedia(request, parts.reporting, (asked) => answerManifest(asked, parts));
    });
  },
} satisfies ExportedHandler<Env>;
