import { waitUntil } from "cloudflare:workers";
import {
  countedBy,
  isolateTelemetry,
  type TelemetryBindings,
} from "../../src/adapters/cloudflare/isolate-telemetry.ts";
import { kvCatalog } from "../../src/adapters/cloudflare/kv-catalog.ts";
import { edgeMediaCache } from "../../src/adapters/cloudflare/media-cache.ts";
import { mediaOrigin } from "../../src/adapters/cloudflare/media-origin.ts";
import { type SessionBindings, sessionStores } from "../../src/adapters/cloudflare/session-stores.ts";
import { nobleHmac } from "../../src/adapters/noble/noble-hmac.ts";
import { nodeSha256 } from "../../src/adapters/node/sha256.ts";
import { systemMillisecondClock } from "../../src/base/milliseconds.ts";
import type { Refusal } from "../../src/base/refusal.ts";
import { ok, refuse } from "../../src/base/result.ts";
import { systemClock, systemTimer } from "../../src/base/seconds.ts";
import { keepCatalog, usualMaxAge } from "../../src/catalog/source.ts";
import type { Configuration } from "../../src/config/configuration.ts";
import { type Admit, admitSession } from "../../src/flows/admit-session.ts";
import { fileDelivery } from "../../src/flows/deliver-file.ts";
import { timedOrigin } from "../../src/flows/timed-origin.ts";
import { configured, missingBindings } from "../../src/http/configured.ts";
import { answerEdge } from "../../src/http/edge.ts";
import { readiness, readyPath, storeParts } from "../../src/http/health.ts";
import { logRefusal } from "../../src/http/log.ts";
import { answerMedia } from "../../src/http/media.ts";
import { rememberLeases } from "../../src/sessions/lease-memory.ts";
import { publicKeysOf } from "../../src/signing/cloudfront/key-ring.ts";
import { rememberGrants } from "../../src/signing/remember-grants.ts";
import { prepareSessionKeys } from "../../src/signing/session-keys.ts";

export { RevocationObject } from "../../src/adapters/cloudflare/revocation-object.ts";
export { StreamsObject } from "../../src/adapters/cloudflare/streams-object.ts";

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
    const { CATALOG, MANIFEST, REVOCATIONS, STREAMS } = env;
    const missing = missingBindings({ CATALOG, MANIFEST, REVOCATIONS, STREAMS });
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
        parts: {
          ...storeParts({ ...stores, catalog, clock: systemClock }),
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
