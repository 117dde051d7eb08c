import { waitUntil } from "cloudflare:workers";
import type { CatalogObject } from "../../src/adapters/cloudflare/catalog-object.ts";
import { identityEnding, identityRoutes, identityService } from "../../src/adapters/cloudflare/identity-service.ts";
import {
  countedBy,
  isolateTelemetry,
  type TelemetryBindings,
} from "../../src/adapters/cloudflare/isolate-telemetry.ts";
import { kvCatalog } from "../../src/adapters/cloudflare/kv-catalog.ts";
import type { LimitsObject } from "../../src/adapters/cloudflare/limits-object.ts";
import { proofReplay } from "../../src/adapters/cloudflare/proof-replay.ts";
import type { ProofsObject } from "../../src/adapters/cloudflare/proofs-object.ts";
import { rateLimits } from "../../src/adapters/cloudflare/rate-limits.ts";
import { type SessionBindings, sessionStores } from "../../src/adapters/cloudflare/session-stores.ts";
import { httpEntitlement } from "../../src/adapters/entitlement/http-entitlement.ts";
import { nobleHmac } from "../../src/adapters/noble/noble-hmac.ts";
import { nodeSha256 } from "../../src/adapters/node/sha256.ts";
import type { Refusal } from "../../src/base/refusal.ts";
import { ok, refuse } from "../../src/base/result.ts";
import { systemClock, systemTimer } from "../../src/base/seconds.ts";
import { keepCatalog, usualMaxAge } from "../../src/catalog/source.ts";
import type { Configuration } from "../../src/config/configuration.ts";
import { trustFaults } from "../../src/config/trust-faults.ts";
import { consoleApp } from "../../src/console/console.tsx";
import { isConsolePath } from "../../src/console/door.tsx";
import type { Reach } from "../../src/credential/ask-json.ts";
import { issuerSchema } from "../../src/credential/issuer.ts";
import { operatorIssuers } from "../../src/credential/operator.ts";
import { trustIssuer } from "../../src/credential/trust-issuer.ts";
import { endLogin } from "../../src/flows/session/end-login.ts";
import type { OperatorAct } from "../../src/flows/session/operator-act.ts";
import { apiApp } from "../../src/http/api.ts";
import { configured, missingBindings } from "../../src/http/configured.ts";
import { nobody } from "../../src/http/health.ts";
import { logAct, logRefusal } from "../../src/http/log.ts";
import { rememberSpent } from "../../src/limits/remember-spent.ts";
import type { Entitlement } from "../../src/policy/entitlement.ts";
import { rememberEntitlement } from "../../src/policy/remember-entitlement.ts";
import { networkNameOf } from "../../src/sessions/network.ts";
import { prepareSessionKeys } from "../../src/signing/session-keys.ts";
import { operatorContext } from "./operators.ts";

export { CatalogObject } from "../../src/adapters/cloudflare/catalog-object.ts";
export { LimitsObject } from "../../src/adapters/cloudflare/limits-object.ts";
export { ProofsObject } from "../../src/adapters/cloudflare/proofs-object.ts";

interface Env extends SessionBindings, TelemetryBindings<DurableObjectId> {
  readonly CATALOG: KVNamespace;
  /** One object, in which operators' changes of the catalog take turns. */
  readonly CATALOG_EDITS: DurableObjectNamespace<CatalogObject>;
  /** The identity worker; without it there are no sessions of sign-in, and STAGEDOOR_ISSUERS alone say who is trusted. */
  readonly IDENTITY?: Fetcher;
  readonly LIMITS: DurableObjectNamespace<LimitsObject>;
  readonly PROOFS: DurableObjectNamespace<ProofsObject>;
  /** The demo page, bound by `npm start` alone. */
  readonly PAGE?: Fetcher;
}

const log = (line: string) => console.log(line);

const withApp = configured("api", log, countedBy("api", waitUntil), async (env: Env, configuration: Configuration) => {
  const { CATALOG, CATALOG_EDITS, IDENTITY, LIMITS, METRICS, PROOFS, REVOCATIONS, STREAMS } = env;
  const { telemetry, reporter, gathered } = isolateTelemetry("api", env);
  const missing = missingBindings({ CATALOG, CATALOG_EDITS, LIMITS, METRICS, PROOFS, REVOCATIONS, STREAMS });
  if (missing.length > 0 || gathered === undefined) return refuse(missing);
  const { ring, issuers, basePath, development, apiUrl } = configuration;
  const onRefusal = (why: Refusal) => logRefusal(log, "api", why);
  const random = (length: number) => crypto.getRandomValues(new Uint8Array(length));
  const reach = {
    fetch: (input: RequestInfo | URL, init?: RequestInit) => fetch(input, init),
    clock: systemClock,
    timer: systemTimer,
    sha256: nodeSha256,
    onFailure: onRefusal,
  };
  const unclear = trustFaults(configuration, env.IDENTITY !== undefined);
  if (unclear.length > 0) return refuse(unclear);
  const identity = identityOf(env, apiUrl, reach);
  const context = {
    ...sessionStores(env, caches.default, configuration, onRefusal, telemetry),
    issuers: [
      ...issuers.map((issuer) => trustIssuer(issuer, reach)),
      ...(identity === undefined ? [] : [identity.trusted]),
    ],
    operators: operatorIssuers(ring, systemClock),
    site: configuration,
    identity,
    proofs: proofReplay(PROOFS),
    catalog: keepCatalog({
      load: kvCatalog(CATALOG),
      clock: systemClock,
      maxAge: usualMaxAge(development),
      onRefusal,
    }),
    onFailure: onRefusal,
    onAct: (act: OperatorAct) => logAct(log, "api", act),
    keys: await prepareSessionKeys(ring, nobleHmac),
    clock: systemClock,
    timer: systemTimer,
    limits: rememberSpent(rateLimits(LIMITS)),
    entitlement: entitlementOf(configuration),
    telemetry,
    random,
    settings: configuration,
  };
  const operators = await operatorContext(context, configuration, { gathered, catalogEdits: CATALOG_EDITS });
  if (!operators.ok) return operators;
  const page = development ? env.PAGE : undefined;
  const shell = { reporting: { worker: "api", log, telemetry, random }, development, sha256: nodeSha256 };
  const app = apiApp(context, {
    ...shell,
    basePath,
    operators: operators.value,
    parts: { limits: async () => LIMITS.get(LIMITS.idFromName(nobody)).answers() },
    ...(IDENTITY === undefined || identity === undefined
      ? {}
      : { identity: identityRoutes(IDENTITY, (login) => endLogin(login, context), waitUntil) }),
    ...(page === undefined ? {} : { page: (request: Request) => page.fetch(request) }),
  });
  return ok({ app, consolePages: consoleApp(operators.value, shell), reporter });
});

/** The identity worker as an issuer whose keys, sessions and routes are reached over the binding, where it is bound. */
function identityOf({ IDENTITY }: Env, apiUrl: string | undefined, reach: Reach) {
  if (IDENTITY === undefined || apiUrl === undefined) return undefined;
  const ask = (input: RequestInfo | URL, init?: RequestInit) => IDENTITY.fetch(input, init);
  const jwksUri = `${apiUrl}/api/auth/jwks`;
  const settings = issuerSchema.parse({ issuer: apiUrl, audience: apiUrl, algorithms: ["EdDSA"], jwksUri });
  return {
    issuer: apiUrl,
    sessions: identityService(IDENTITY, apiUrl),
    end: identityEnding(IDENTITY, apiUrl),
    trusted: trustIssuer(settings, { ...reach, fetch: ask }),
  };
}

/** The operator's own decision about each start, where there is one. */
function entitlementOf({ entitlement }: Configuration): Entitlement | undefined {
  if (entitlement === undefined) return undefined;
  const asked = httpEntitlement(entitlement, { fetch: (url, init) => fetch(url, init), timer: systemTimer });
  const { cache: maxAge } = entitlement;
  return rememberEntitlement(asked, { clock: systemClock, maxAge, networkOf: networkNameOf });
}

export default {
  fetch(request, env, context) {
    return withApp(env, async ({ app, consolePages, reporter }) => {
      reporter.linger((work) => context.waitUntil(work));
      const asked = isConsolePath(new URL(request.url).pathname) ? consolePages : app;
      return asked.fetch(request, env, context);
    });
  },
} satisfies ExportedHandler<Env>;
