import { waitUntil } from "cloudflare:workers";
import { ok } from "../../src/base/result.ts";
import { systemClock, systemMillisecondClock } from "../../src/base/time.ts";
import { type Configuration, readConfiguration } from "../../src/config/configuration.ts";
import { timedOrigin } from "../../src/origin/origin.ts";
import { edgeMediaCache } from "../../src/platform/cloudflare/edge-cache.ts";
import type { TelemetryBindings } from "../../src/platform/cloudflare/isolate-telemetry.ts";
import { mediaOrigin } from "../../src/platform/cloudflare/r2-origin.ts";
import { type SessionBindings, sessionStores } from "../../src/platform/cloudflare/session-stores.ts";
import { configuredWorker, type WorkerBasics, workerPorts } from "../../src/platform/cloudflare/worker-shell.ts";
import { edgeService } from "../../src/service/media-service.ts";

export { RevocationLog, SubjectLeases } from "../../src/platform/cloudflare/session-objects.ts";

interface Env extends SessionBindings<DurableObjectId>, TelemetryBindings<DurableObjectId> {
  readonly CATALOG: KVNamespace;
  readonly MANIFEST: Fetcher;
}

const withEdge = configuredWorker(
  {
    worker: "edge",
    read: readConfiguration,
    bindings: ["CATALOG", "MANIFEST", "REVOCATION_LOG", "SUBJECT_LEASES"],
    wire: async (env: Env, configuration: Configuration, basics: WorkerBasics) => {
      const ports = workerPorts(env.CATALOG, configuration, basics);
      const edge = await edgeService(configuration, {
        ...ports,
        stores: sessionStores(env, caches.default, configuration, ports),
        origin: timedOrigin(mediaOrigin(env, systemClock), basics.telemetry, systemMillisecondClock),
        cache: edgeMediaCache(caches.default, configuration.mediaUrl),
        manifest: env.MANIFEST,
        mostSessions: 10_000,
      });
      return edge.ok ? ok({ answer: edge.value, reporter: basics.reporter }) : edge;
    },
  },
  waitUntil,
);

export default {
  fetch(request, env) {
    return withEdge(env, ({ answer, reporter }) => {
      reporter.linger(waitUntil);
      return answer(request, waitUntil);
    });
  },
} satisfies ExportedHandler<Env>;
