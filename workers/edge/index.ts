import { waitUntil } from "cloudflare:workers";
import { ok, refuse } from "../../src/base/result.ts";
import { systemClock, systemMillisecondClock, systemTimer } from "../../src/base/time.ts";
import { type Configuration, readConfiguration } from "../../src/config/configuration.ts";
import { type Admit, admitSession } from "../../src/edge/admit-session.ts";
import { answerMedia } from "../../src/edge/answer-media.ts";
import { fileDelivery } from "../../src/edge/deliver-file.ts";
import { guardFiles } from "../../src/edge/guard-file.ts";
import { serveRequest } from "../../src/edge/serve-request.ts";
import { readiness, readyPath, storeChecks } from "../../src/http/health.ts";
import { timedOrigin } from "../../src/origin/origin.ts";
import { edgeMediaCache } from "../../src/platform/cloudflare/edge-cache.ts";
import type { TelemetryBindings } from "../../src/platform/cloudflare/isolate-telemetry.ts";
import { nobleHmac } from "../../src/platform/cloudflare/noble-hmac.ts";
import { kvCatalogSource } from "../../src/platform/cloudflare/object-clients.ts";
import { mediaOrigin } from "../../src/platform/cloudflare/r2-origin.ts";
import { type SessionBindings, sessionStores } from "../../src/platform/cloudflare/session-stores.ts";
import { configuredWorker, type WorkerBasics } from "../../src/platform/cloudflare/worker-shell.ts";
import { nodeSha256 } from "../../src/platform/node/node-crypto.ts";
import { rememberLeases } from "../../src/sessions/lease-memory.ts";
import { publicKeysOf } from "../../src/signing/cloudfront/verify-cloudfront.ts";
import { rememberGrants } from "../../src/signing/grant.ts";
import { prepareSessionKeys } from "../../src/signing/session-keys.ts";

export { RevocationLog, SubjectLeases } from "../../src/platform/cloudflare/session-objects.ts";

interface Env extends SessionBindings<DurableObjectId>, TelemetryBindings<DurableObjectId> {
  readonly CATALOG: KVNamespace;
  readonly MANIFEST: Fetcher;
}

const withParts = configuredWorker(
  {
    worker: "edge",
    read: readConfiguration,
    bindings: ["CATALOG", "MANIFEST", "REVOCATION_LOG", "SUBJECT_LEASES"],
    wire: async (
      env: Env,
      configuration: Configuration,
      { telemetry, reporter, reporting, onRefusal }: WorkerBasics,
    ) => {
      const { CATALOG, MANIFEST } = env;
      const publicKeys = await publicKeysOf(configuration.ring, systemClock);
      if (!publicKeys.ok) return refuse(publicKeys.refusal);
      const milliseconds = systemMillisecondClock;
      const origin = timedOrigin(mediaOrigin(env, systemClock), telemetry, milliseconds);
      const { leaseTtl, sharedNetworks, storeFailure, mediaUrl } = configuration;
      const stores = sessionStores(env, caches.default, configuration, onRefusal, telemetry);
      const catalog = kvCatalogSource(CATALOG, configuration.development, onRefusal);
      const admission = {
        ...stores,
        leases: rememberLeases({ capacity: 10_000, leaseTtl }),
        logins: new Map(),
        timer: systemTimer,
        onFailure: onRefusal,
        sharedNetworks,
        storeFailure,
        telemetry,
      };
      const deliver = fileDelivery({
        origin,
        cache: edgeMediaCache(caches.default, mediaUrl),
        clock: systemClock,
        telemetry,
      });
      const admit: Admit = (access, asking) => admitSession(access, asking, admission);
      return ok({
        ...configuration,
        reporting,
        reporter,
        telemetry,
        clock: systemClock,
        timer: systemTimer,
        milliseconds,
        keys: await prepareSessionKeys(configuration.ring, nobleHmac),
        open: rememberGrants(10_000),
        publicKeys: publicKeys.value,
        catalog,
        admit,
        ready: readiness({
          checks: {
            ...storeChecks({ ...stores, catalog, clock: systemClock }),
            manifest: async () => (await MANIFEST.fetch(new URL(readyPath, mediaUrl))).ok,
          },
          clock: systemClock,
          timer: systemTimer,
        }),
        sha256: nodeSha256,
        deliver,
        files: guardFiles({ deliver, clock: systemClock, timer: systemTimer }),
      });
    },
  },
  waitUntil,
);

export default {
  fetch(request, env) {
    return withParts(env, (parts) => {
      parts.reporter.linger(waitUntil);
      return answerMedia(request, parts.reporting, (media) =>
        serveRequest(media, { ...parts, manifest: env.MANIFEST, waitUntil }),
      );
    });
  },
} satisfies ExportedHandler<Env>;
