import { waitUntil } from "cloudflare:workers";
import { apiApp } from "../../src/api/api.ts";
import type { HttpDeps } from "../../src/auth/ask-json.ts";
import { backendIssuers } from "../../src/auth/backend-token.ts";
import { type Entitlement, httpEntitlement, rememberEntitlement } from "../../src/auth/entitlement.ts";
import { issuerSchema } from "../../src/auth/issuer.ts";
import { operatorIssuers } from "../../src/auth/operator-token.ts";
import { rememberSpent } from "../../src/auth/rate-limit.ts";
import { trustIssuer } from "../../src/auth/trusted-issuers.ts";
import { identityPath } from "../../src/base/constants.ts";
import { ok, type Result, refuse } from "../../src/base/result.ts";
import { systemClock, systemTimer } from "../../src/base/time.ts";
import { type Configuration, readConfiguration, trustFaults } from "../../src/config/configuration.ts";
import { consoleApp } from "../../src/console/console.tsx";
import { isConsolePath } from "../../src/console/console-request.ts";
import { probeId } from "../../src/http/health.ts";
import { logOperatorAct } from "../../src/http/problem-response.ts";
import type { Gathered } from "../../src/metrics/gathered.ts";
import type { OperatorContext } from "../../src/operator/operator-context.ts";
import type { CatalogEditor } from "../../src/platform/cloudflare/catalog-object.ts";
import { identityEnding, identityRoutes, identityService } from "../../src/platform/cloudflare/identity-service.ts";
import type { TelemetryBindings } from "../../src/platform/cloudflare/isolate-telemetry.ts";
import type { DpopProofs, RateLimitCounter } from "../../src/platform/cloudflare/limit-objects.ts";
import { nobleHmac } from "../../src/platform/cloudflare/noble-hmac.ts";
import {
  type CatalogEditorNamespace,
  catalogEditing,
  kvCatalogSource,
  proofReplay,
  rateLimits,
} from "../../src/platform/cloudflare/object-clients.ts";
import { type SessionBindings, sessionStores } from "../../src/platform/cloudflare/session-stores.ts";
import { configuredWorker, type WorkerBasics } from "../../src/platform/cloudflare/worker-shell.ts";
import { nodeSha256 } from "../../src/platform/node/node-crypto.ts";
import { networkName } from "../../src/sessions/identifiers.ts";
import { endLogin } from "../../src/sessions/own-session.ts";
import type { OperatorAct, SessionContext } from "../../src/sessions/session-context.ts";
import { publicKeysOf } from "../../src/signing/cloudfront/verify-cloudfront.ts";
import { prepareSessionKeys } from "../../src/signing/session-keys.ts";

export { CatalogEditor } from "../../src/platform/cloudflare/catalog-object.ts";
export { DpopProofs, RateLimitCounter } from "../../src/platform/cloudflare/limit-objects.ts";

interface Env extends SessionBindings<DurableObjectId>, TelemetryBindings<DurableObjectId> {
  readonly CATALOG: KVNamespace;
  /** One object that serializes the operators' changes of the catalog. */
  readonly CATALOG_EDITOR: DurableObjectNamespace<CatalogEditor>;
  /**
   * The identity worker. Without it there are no sign-in sessions, and STAGEDOOR_ISSUERS is the only list of trusted
   * issuers.
   */
  readonly IDENTITY?: Fetcher;
  readonly RATE_LIMIT_COUNTER: DurableObjectNamespace<RateLimitCounter>;
  readonly DPOP_PROOFS: DurableObjectNamespace<DpopProofs>;
  /** The demo page, bound only by `npm start`. */
  readonly PAGE?: Fetcher;
}

const withApp = configuredWorker(
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
    wire: async (
      env: Env,
      configuration: Configuration,
      { telemetry, reporter, gathered, log, random, reporting, onRefusal }: WorkerBasics,
    ) => {
      const { CATALOG, CATALOG_EDITOR, IDENTITY, RATE_LIMIT_COUNTER, DPOP_PROOFS } = env;
      if (gathered === undefined) return refuse([]);
      const { ring, issuers, basePath, development, apiUrl } = configuration;
      const http = {
        fetch: (input: RequestInfo | URL, init?: RequestInit) => fetch(input, init),
        clock: systemClock,
        timer: systemTimer,
        sha256: nodeSha256,
        onFailure: onRefusal,
      };
      const faults = trustFaults(configuration, IDENTITY !== undefined);
      if (faults.length > 0) return refuse(faults);
      const identity = identityOf(env, apiUrl, http);
      const context = {
        ...sessionStores(env, caches.default, configuration, onRefusal, telemetry),
        issuers: [
          ...issuers.map((issuer) => trustIssuer(issuer, http)),
          ...(identity === undefined ? [] : [identity.trusted]),
        ],
        operators: operatorIssuers(ring, systemClock),
        backends: backendIssuers(ring, systemClock),
        site: configuration,
        identity,
        proofs: proofReplay(DPOP_PROOFS),
        catalog: kvCatalogSource(CATALOG, development, onRefusal),
        onFailure: onRefusal,
        onAct: (act: OperatorAct) => logOperatorAct(log, "api", act),
        keys: await prepareSessionKeys(ring, nobleHmac),
        clock: systemClock,
        timer: systemTimer,
        limits: rememberSpent(rateLimits(RATE_LIMIT_COUNTER)),
        entitlement: entitlementOf(configuration, http),
        telemetry,
        random,
        settings: configuration,
      };
      const operators = await operatorContext(context, configuration, { gathered, catalogEdits: CATALOG_EDITOR });
      if (!operators.ok) return operators;
      const page = development ? env.PAGE : undefined;
      const shell = { reporting, development, sha256: nodeSha256 };
      const app = apiApp(context, {
        ...shell,
        basePath,
        operators: operators.value,
        readinessChecks: {
          limits: async () => RATE_LIMIT_COUNTER.get(RATE_LIMIT_COUNTER.idFromName(probeId)).answers(),
        },
        ...(IDENTITY === undefined || identity === undefined
          ? {}
          : { identity: identityRoutes(IDENTITY, (login) => endLogin(login, context), waitUntil) }),
        ...(page === undefined ? {} : { page: (request: Request) => page.fetch(request) }),
      });
      return ok({ app, consolePages: consoleApp(operators.value, shell), reporter });
    },
  },
  waitUntil,
);

/** The bound identity worker as an issuer. Its keys, sessions and routes are reached over the binding. */
function identityOf({ IDENTITY }: Env, apiUrl: string | undefined, http: HttpDeps) {
  if (IDENTITY === undefined || apiUrl === undefined) return undefined;
  const ask = (input: RequestInfo | URL, init?: RequestInit) => IDENTITY.fetch(input, init);
  const jwksUri = `${apiUrl}${identityPath}/jwks`;
  const settings = issuerSchema.parse({ issuer: apiUrl, audience: apiUrl, algorithms: ["EdDSA"], jwksUri });
  return {
    issuer: apiUrl,
    sessions: identityService(IDENTITY, apiUrl),
    end: identityEnding(IDENTITY, apiUrl),
    trusted: trustIssuer(settings, { ...http, fetch: ask }),
  };
}

/** The operator's own decision about each start, if configured. */
function entitlementOf({ entitlement }: Configuration, http: HttpDeps): Entitlement | undefined {
  if (entitlement === undefined) return undefined;
  const service = httpEntitlement(entitlement, http);
  const { cache: maxAge } = entitlement;
  return rememberEntitlement(service, { clock: systemClock, maxAge, networkOf: networkName });
}

export default {
  fetch(request, env, context) {
    return withApp(env, async ({ app, consolePages, reporter }) => {
      reporter.linger((work) => context.waitUntil(work));
      const router = isConsolePath(new URL(request.url).pathname) ? consolePages : app;
      return router.fetch(request, env, context);
    });
  },
} satisfies ExportedHandler<Env>;

/**
 * The context of the operators' routes and the console: the session context and their own dependencies, or the faults
 * of the key ring.
 */
async function operatorContext<Id>(
  context: SessionContext,
  { ring, renewal, originSecrets }: Pick<Configuration, "ring" | "renewal" | "originSecrets">,
  { gathered, catalogEdits }: { readonly gathered: Gathered; readonly catalogEdits: CatalogEditorNamespace<Id> },
): Promise<Result<OperatorContext, readonly string[]>> {
  const publicKeys = await publicKeysOf(ring, context.clock);
  if (!publicKeys.ok) return publicKeys;
  const own = {
    ...{ gathered, ring, renewal, originSecrets },
    publicKeys: publicKeys.value,
    catalogEditing: catalogEditing(catalogEdits),
  };
  return ok({ ...context, ...own });
}
