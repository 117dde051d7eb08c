import { analyticsTelemetry } from "../../src/adapters/cloudflare/analytics-telemetry.ts";
import { kvCatalog } from "../../src/adapters/cloudflare/kv-catalog.ts";
import { edgeMediaCache } from "../../src/adapters/cloudflare/media-cache.ts";
import { mediaOrigin } from "../../src/adapters/cloudflare/media-origin.ts";
import { type SessionBindings, sessionStores } from "../../src/adapters/cloudflare/session-stores.ts";
import { nodeHmac } from "../../src/adapters/node/hmac.ts";
import { nodeSha256 } from "../../src/adapters/node/sha256.ts";
import type { Refusal } from "../../src/base/refusal.ts";
import { ok, refuse } from "../../src/base/result.ts";
import { seconds, systemClock, systemTimer } from "../../src/base/seconds.ts";
import { keepCatalog } from "../../src/catalog/source.ts";
import type { Configuration } from "../../src/config/configuration.ts";
import { type Admit, admitSession } from "../../src/flows/admit-session.ts";
import { fileDelivery } from "../../src/flows/deliver-file.ts";
import { configured, missingBindings } from "../../src/http/configured.ts";
import { answerEdge } from "../../src/http/edge.ts";
import { logRefusal } from "../../src/http/log.ts";
import { answerMedia } from "../../src/http/media.ts";
import { rememberLeases } from "../../src/sessions/lease-memory.ts";
import { publicKeysOf } from "../../src/signing/cloudfront/key-ring.ts";
import { rememberGrants } from "../../src/signing/remember-grants.ts";
import { prepareSessionKeys } from "../../src/signing/session-keys.ts";

export { RevocationObject } from "../../src/adapters/cloudflare/revocation-object.ts";
export { StreamsObject } from "../../src/adapters/cloudflare/streams-object.ts";

interface Env extends SessionBindings {
  readonly CATALOG: KVNamespace;
  readonly MANIFEST: Fetcher;
  /** Where events are counted; without it nobody counts. */
  readonly TELEMETRY?: AnalyticsEngineDataset;
}

const log = (line: string) => console.log(line);

const withParts = configured("edge", log, async (env: Env, configuration: Configuration) => {
  const { CATALOG, MANIFEST, REVOCATIONS, STREAMS } = env;
  const missing = missingBindings({ CATALOG, MANIFEST, REVOCATIONS, STREAMS });
  if (missing.length > 0) return refuse(missing);
  const publicKeys = await publicKeysOf(configuration.ring, systemClock);
  if (!publicKeys.ok) return refuse(publicKeys.refusal);
  const origin = mediaOrigin(env, systemClock);
  const onRefusal = (why: Refusal) => logRefusal(log, "edge", why);
  const { leaseTtl, sharedNetworks, storeFailure } = configuration;
  const admission = {
    ...sessionStores(env, caches.default, configuration, onRefusal),
    leases: rememberLeases({ capacity: 10_000, refreshAfter: seconds(Math.min(30, leaseTtl / 3)) }),
    timer: systemTimer,
    onFailure: onRefusal,
    sharedNetworks,
    storeFailure,
  };
  const admit: Admit = (access, asking) => admitSession(access, asking, admission);
  const random = (length: number) => crypto.getRandomValues(new Uint8Array(length));
  return ok({
    ...configuration,
    reporting: { worker: "edge", log, telemetry: analyticsTelemetry(env.TELEMETRY), random },
    clock: systemClock,
    keys: await prepareSessionKeys(configuration.ring, nodeHmac),
    open: rememberGrants(10_000),
    publicKeys: publicKeys.value,
    catalog: keepCatalog({
      load: kvCatalog(CATALOG),
      clock: systemClock,
      onRefusal,
    }),
    admit,
    sha256: nodeSha256,
    deliver: fileDelivery({
      origin,
      cache: edgeMediaCache(caches.default, configuration.mediaUrl),
      clock: systemClock,
    }),
  });
});

export default {
  fetch(request, env, context) {
    return withParts(env, (parts) =>
      answerMedia(request, parts.reporting, (asked) =>
        answerEdge(asked, { ...parts, manifest: env.MANIFEST, waitUntil: (work) => context.waitUntil(work) }),
      ),
    );
  },
} satisfies ExportedHandler<Env>;
