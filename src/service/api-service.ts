import { apiApp } from "../api/api.ts";
import type { HttpDeps } from "../auth/ask-json.ts";
import { backendIssuers } from "../auth/backend-token.ts";
import type { ProofReplay } from "../auth/credential.ts";
import { type Entitlement, httpEntitlement, rememberEntitlement } from "../auth/entitlement.ts";
import { issuerSchema } from "../auth/issuer.ts";
import { operatorIssuers } from "../auth/operator-token.ts";
import { type RateLimits, rememberSpent } from "../auth/rate-limit.ts";
import { trustIssuer } from "../auth/trusted-issuers.ts";
import { identityPath } from "../base/constants.ts";
import { ok, type Result, refuse } from "../base/result.ts";
import { systemClock, systemTimer, type WaitUntil } from "../base/time.ts";
import type { CatalogEditing } from "../catalog/edit-catalog.ts";
import { type Configuration, trustFaults } from "../config/configuration.ts";
import { consoleApp } from "../console/console.tsx";
import { isConsolePath } from "../console/console-request.ts";
import { observe } from "../edge/serve-unenforced.ts";
import type { ReadinessCheck } from "../http/health.ts";
import { logOperatorAct, type Reporting } from "../http/problem-response.ts";
import {
  type IdentityBinding,
  identityEnding,
  identityRoutes,
  identityService,
  userFinding,
} from "../identity/identity-client.ts";
import type { Gathered } from "../metrics/gathered.ts";
import type { Reporter } from "../metrics/reporter.ts";
import { dueSteps, keyStates } from "../operator/list-keys.ts";
import type { OperatorContext } from "../operator/operator-context.ts";
import { networkName } from "../sessions/identifiers.ts";
import { endLogin } from "../sessions/own-session.ts";
import type { OperatorAct, SessionContext } from "../sessions/session-context.ts";
import { publicKeysOf } from "../signing/cloudfront/verify-cloudfront.ts";
import { prepareSessionKeys } from "../signing/session-keys.ts";
import { answerProbes, quietReporting } from "./answer-probes.ts";
import type { AnswerRequest, HostPorts, SessionStores } from "./host-ports.ts";

/** What the API gets from its host. */
export interface ApiPorts extends HostPorts {
  readonly stores: SessionStores;
  readonly gathered: Gathered;
  /** It reports the states of the ring's keys, so that their steps show in the history. */
  readonly reporter: Pick<Reporter, "says">;
  readonly catalogEditing: CatalogEditing;
  /** The roots that assets of the type `file` may name; none on Workers. */
  readonly roots: readonly string[];
  readonly proofs: ProofReplay;
  readonly limits: RateLimits;
  readonly fetch: HttpDeps["fetch"];
  /**
   * The identity service. Without it there are no sign-in sessions, and STAGEDOOR_ISSUERS is the only list of trusted
   * issuers.
   */
  readonly identity: IdentityBinding | undefined;
  /** What `/ready` checks in addition to the session stores and the identity service. */
  readonly readinessChecks: Readonly<Record<string, ReadinessCheck>>;
  /** The demo page, in development. */
  readonly page?: ((request: Request) => Promise<Response>) | undefined;
  readonly waitUntil: WaitUntil;
}

/** The API and the console, created once per isolate or process; or the faults of the configuration. */
export async function apiService(
  configuration: Configuration,
  ports: ApiPorts,
): Promise<Result<AnswerRequest, readonly string[]>> {
  const { ring, issuers, basePath, development, apiUrl } = configuration;
  const faults = trustFaults(configuration, ports.identity !== undefined);
  if (faults.length > 0) return refuse(faults);
  const http: HttpDeps = {
    fetch: ports.fetch,
    clock: systemClock,
    timer: systemTimer,
    sha256: ports.sha256,
    onFailure: ports.onRefusal,
  };
  const identity = identityOf(ports.identity, apiUrl, http);
  const context: SessionContext = {
    ...ports.stores,
    issuers: [
      ...issuers.map((issuer) => trustIssuer(issuer, http)),
      ...(identity === undefined ? [] : [identity.trusted]),
    ],
    operators: operatorIssuers(ring, systemClock),
    backends: backendIssuers(ring, systemClock),
    site: configuration,
    identity,
    proofs: ports.proofs,
    catalog: ports.catalog,
    onFailure: ports.onRefusal,
    onAct: (act: OperatorAct) => {
      logOperatorAct(ports.log, "api", act);
      const { id: target, ...acted } = act;
      ports.telemetry({ event: "acted", ...acted, target });
    },
    keys: await prepareSessionKeys(ring, ports.hmac),
    edgeKeys: await prepareSessionKeys(ring, ports.hmac, ["cloudfront-session"]),
    clock: systemClock,
    timer: systemTimer,
    limits: rememberSpent(ports.limits),
    entitlement: entitlementOf(configuration, http),
    telemetry: ports.telemetry,
    random: ports.random,
    settings: configuration,
  };
  ports.reporter.says(
    () => keyStates(ring.keys, systemClock()),
    () => dueSteps(ring.keys, configuration.sessionTtl, systemClock()),
  );
  const operators = await operatorContext(context, configuration, ports);
  if (!operators.ok) return operators;
  const answering = (reporting: Reporting): AnswerRequest => {
    const { telemetry } = reporting;
    const counted = { ...operators.value, telemetry };
    const shell = { reporting, development, sha256: ports.sha256 };
    const app = apiApp(
      { ...context, telemetry, onObserved: observe(reporting, systemClock) },
      {
        ...shell,
        basePath,
        operators: counted,
        readinessChecks: ports.readinessChecks,
        ...(ports.identity === undefined || identity === undefined
          ? {}
          : { identity: identityRoutes(ports.identity, (login) => endLogin(login, context), ports.waitUntil) }),
        ...(development && ports.page !== undefined ? { page: ports.page } : {}),
      },
    );
    const pages = consoleApp(counted, shell);
    return async (request, waitUntil) => {
      const router = isConsolePath(new URL(request.url).pathname) ? pages : app;
      return router.fetch(request, {}, { waitUntil, passThroughOnException: () => undefined, props: {} });
    };
  };
  const { reporting, stores } = ports;
  const { keys } = context;
  return ok(
    answerProbes(answering(reporting), answering(quietReporting(reporting)), {
      host: "api",
      keys,
      revocations: stores.revocations,
    }),
  );
}

/** The identity service as an issuer. Its keys, sessions and routes are reached over the binding. */
function identityOf(binding: IdentityBinding | undefined, apiUrl: string | undefined, http: HttpDeps) {
  if (binding === undefined || apiUrl === undefined) return undefined;
  const ask: HttpDeps["fetch"] = (input, init) => binding.fetch(new Request(input, init));
  const jwksUri = `${apiUrl}${identityPath}/jwks`;
  const settings = issuerSchema.parse({ issuer: apiUrl, audience: apiUrl, algorithms: ["EdDSA"], jwksUri });
  return {
    issuer: apiUrl,
    sessions: identityService(binding, apiUrl),
    end: identityEnding(binding, apiUrl),
    findUser: userFinding(binding, apiUrl),
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

/**
 * The context of the operators' routes and the console: the session context and their own dependencies, or the faults
 * of the key ring.
 */
async function operatorContext(
  context: SessionContext,
  { ring, renewal, originSecrets }: Configuration,
  { gathered, catalogEditing, roots }: ApiPorts,
): Promise<Result<OperatorContext, readonly string[]>> {
  const publicKeys = await publicKeysOf(ring, context.clock);
  if (!publicKeys.ok) return publicKeys;
  const own = { gathered, ring, renewal, originSecrets, catalogEditing, roots };
  return ok({ ...context, ...own, publicKeys: publicKeys.value });
}
