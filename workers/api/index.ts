import { waitUntil } from "cloudflare:workers";
import { ok, refuse } from "../../src/base/result.ts";
import { type Configuration, readConfiguration } from "../../src/config/configuration.ts";
import { probeId } from "../../src/http/health.ts";
import type { CatalogEditor } from "../../src/platform/cloudflare/catalog-object.ts";
import { type CloudFrontStore, wakeStores } from "../../src/platform/cloudflare/cloudfront-object.ts";
import type { TelemetryBindings } from "../../src/platform/cloudflare/isolate-telemetry.ts";
import type { DpopProofs, RateLimitCounter } from "../../src/platform/cloudflare/limit-objects.ts";
import { catalogEditing, proofReplay, rateLimits } from "../../src/platform/cloudflare/object-clients.ts";
import { type SessionBindings, sessionStores } from "../../src/platform/cloudflare/session-stores.ts";
import { configuredWorker, type WorkerBasics, workerPorts } from "../../src/platform/cloudflare/worker-shell.ts";
import { apiService } from "../../src/service/api-service.ts";

export { CatalogEditor } from "../../src/platform/cloudflare/catalog-object.ts";
export { CloudFrontStore } from "../../src/platform/cloudflare/cloudfront-object.ts";
export { DpopProofs, RateLimitCounter } from "../../src/platform/cloudflare/limit-objects.ts";

interface Env extends SessionBindings<DurableObjectId>, TelemetryBindings<DurableObjectId> {
  readonly CATALOG: KVNamespace;
  /** One object that serializes the operators' changes of the catalog. */
  readonly CATALOG_EDITOR: DurableObjectNamespace<CatalogEditor>;
  /** The writers of the stores of CloudFront's functions, one object per store. */
  readonly CLOUDFRONT_STORE?: DurableObjectNamespace<CloudFrontStore>;
  /** The identity worker, if it is deployed. */
  readonly IDENTITY?: Fetcher;
  readonly RATE_LIMIT_COUNTER: DurableObjectNamespace<RateLimitCounter>;
  readonly DPOP_PROOFS: DurableObjectNamespace<DpopProofs>;
  /** The demo page, bound only by `npm start`. */
  readonly PAGE?: Fetcher;
}

const withApi = configuredWorker(
  {
    worker: "api",
    read: readConfiguration,
    bindings: [
      "CATALOG",
      "CATALOG_EDITOR",
      "RATE_LIMIT_COUNTER",
      "METRICS_STORE",
      "DPOP_PROOFS",
      "REVOCATION_LOG",
      "SUBJECT_LEASES",
    ],
    wire: async (env: Env, configuration: Configuration, basics: WorkerBasics) => {
      const { CATALOG_EDITOR, CLOUDFRONT_STORE, IDENTITY, PAGE, RATE_LIMIT_COUNTER, DPOP_PROOFS } = env;
      if (basics.gathered === undefined) return refuse([]);
      if (CLOUDFRONT_STORE !== undefined) waitUntil(wakeStores(CLOUDFRONT_STORE, configuration));
      else if (configuration.cloudFrontStores.length > 0)
        return refuse(["STAGEDOOR_CLOUDFRONT_STORES: it needs the binding CLOUDFRONT_STORE; bind it, or remove this"]);
      const ports = workerPorts(env.CATALOG, configuration, basics);
      const api = await apiService(configuration, {
        ...ports,
        stores: sessionStores(env, caches.default, configuration, ports),
        gathered: basics.gathered,
        reporter: basics.reporter,
        catalogEditing: catalogEditing(CATALOG_EDITOR),
        roots: [],
        proofs: proofReplay(DPOP_PROOFS),
        limits: rateLimits(RATE_LIMIT_COUNTER),
        fetch: (input, init) => fetch(input, init),
        identity: IDENTITY,
        readinessChecks: {
          limits: async () => RATE_LIMIT_COUNTER.get(RATE_LIMIT_COUNTER.idFromName(probeId)).answers(),
        },
        page: PAGE === undefined ? undefined : (request) => PAGE.fetch(request),
        waitUntil,
      });
      return api.ok ? ok({ answer: api.value, reporter: basics.reporter }) : api;
    },
  },
  waitUntil,
);

export default {
  fetch(request, env, context) {
    return withApi(env, ({ answer, reporter }) => {
      const keepRunning = (work: Promise<unknown>) => context.waitUntil(work);
      reporter.linger(keepRunning);
      return answer(request, keepRunning);
    });
  },
} satisfies ExportedHandler<Env>;
