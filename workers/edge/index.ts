import { waitUntil } from "cloudflare:workers";
import { ok, type Refusal, refuse } from "../../src/base/result.ts";
import { systemClock, systemMillisecondClock, systemTimer } from "../../src/base/time.ts";
import { keepCatalog, usualMaxAge } from "../../src/catalog/catalog-source.ts";
import type { Configuration } from "../../src/config/configuration.ts";
import { type Admit, admitSession } from "../../src/edge/admit-session.ts";
import { answerEdge } from "../../src/edge/answer-edge.ts";
import { answerMedia } from "../../src/edge/answer-media.ts";
import { fileDelivery } from "../../src/edge/deliver-file.ts";
import { readiness, readyPath, storeChecks } from "../../src/http/health.ts";
import { logRefusal } from "../../src/http/request-log.ts";
import { timedOrigin } from "../../src/origin/origin.ts";
import { edgeMediaCache } from "../../src/platform/cloudflare/edge-cache.ts";
import {
  countedBy,
  isolateTelemetry,
  type TelemetryBindings,
} from "../../src/platform/cloudflare/isolate-telemetry.ts";
import { nobleHmac } from "../../src/platform/cloudflare/noble-hmac.ts";
import { kvCatalog } from "../../src/platform/cloudflare/object-clients.ts";
import { mediaOrigin } from "../../src/platform/cloudflare/r2-origin.ts";
import { type SessionBindings, sessionStores } from "../../src/platform/cloudflare/session-stores.ts";
import { configured, missingBindings } from "../../src/platform/cloudflare/worker-shell.ts";
import { nodeSha256 } from "../../src/platform/node/node-crypto.ts";
import { rememberLeases } from "../../src/sessions/lease-memory.ts";
import { publicKeysOf } from "../../src/signing/cloudfront/verify-cloudfront.ts";
import { rememberGrants } from "../../src/signing/grant.ts";
import { prepareSessionKeys } from "../../src/signing/session-keys.ts";

export { SubjectLeases } from "../../src/platform/cloudflare/leases-object.ts";
export { RevocationLog } from "../../src/platform/cloudflare/revocation-object.ts";

interface Env extends SessionBindings, TelemetryBindings<DurableObjectId> {
  readonly CATALOG: KVNamespace;
  readonly MANIFEST: Fetcher;
}

const log = (line: string) => console.log(line);

const withParts = configured(
  "edge",
  log,
  countedBy("edge", waitUntil),
  async (env: Env, configuration: Configuration) => {
    const { CATALOG, MANIFEST, REVOCATION_LOG, SUBJECT_LEASES } = env;
    const missing = missingBindings({ CATALOG, MANIFEST, REVOCATION_LOG, SUBJECT_LEASES });
    if (missing.length > 0) return refuse(missing);
    const publicKeys = await publicKeysOf(configuration.ring, systemClock);
    if (!publicKeys.ok) return refuse(publicKeys.refusal);
    const { telemetry, reporter } = isolateTelemetry("edge", env);
    const milliseconds = systemMillisecondClock;
    const origin = timedOrigin(mediaOrigin(env, systemClock), telemetry, milliseconds);
    const onRefusal = (why: Refusal) => logRefusal(log, "edge", why);
    const { leaseTtl, sharedNetworks, storeFailure } = configuration;
    const stores = sessionStores(env, caches.default, configuration, onRefusal, telemetry);
    const catalog = keepCatalog({
      load: kvCatalog(CATALOG),
      clock: systemClock,
      maxAge: usualMaxAge(configuration.development),
      onRefusal,
    });
    const admission = {
      ...stores,
      leases: rememberLeases({ capacity: 10_000, leaseTtl }),
      timer: systemTimer,
      onFailure: onRefusal,
      sharedNetworks,
      storeFailure,
      telemetry,
    };
    const admit: Admit = (access, asking) => admitSession(access, asking, admission);
    const random = (length: number) => crypto.getRandomValues(new Uint8Array(length));
    return ok({
      ...configuration,
      reporting: { worker: "edge", log, telemetry, random },
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
          manifest: async () => (await MANIFEST.fetch(new URL(readyPath, configuration.mediaUrl))).ok,
        },
        clock: systemClock,
        timer: systemTimer,
      }),
      sha256: nodeSha256,
      deliver: fileDelivery({
        origin,
        cache: edgeMediaCache(caches.default, configuration.mediaUrl),
        clock: systemClock,
        telemetry,
      }),
    });
  },
);

export default {
  fetch(request, env) {
    return withParts(env, (parts) => {
      parts.reporter.linger(waitUntil);
      return answerMedia(request, parts.reporting, (asked) =>
        answerEdge(asked, { ...parts, manifest: env.MANIFEST, waitUntil }),
      );
    });
  },
} satisfies ExportedHandler<Env>;
