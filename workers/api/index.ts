import { kvCatalog } from "../../src/adapters/cloudflare/kv-catalog.ts";
import { type SessionBindings, sessionStores } from "../../src/adapters/cloudflare/session-stores.ts";
import { nodeHmac } from "../../src/adapters/node/hmac.ts";
import { nodeSha256 } from "../../src/adapters/node/sha256.ts";
import type { Refusal } from "../../src/base/refusal.ts";
import { ok, refuse } from "../../src/base/result.ts";
import { systemClock, systemTimer } from "../../src/base/seconds.ts";
import { keepCatalog } from "../../src/catalog/source.ts";
import type { Configuration } from "../../src/config/configuration.ts";
import { trustIssuer } from "../../src/credential/issuer-keys.ts";
import { apiApp } from "../../src/http/api.ts";
import { configured, missingBindings } from "../../src/http/configured.ts";
import { logRefusal } from "../../src/http/log.ts";
import type { RateLimits } from "../../src/limits/rate-limit.ts";
import { prepareSessionKeys } from "../../src/signing/session-keys.ts";

interface Env extends SessionBindings {
  readonly CATALOG: KVNamespace;
  /** The demo page, bound by `npm start` alone. */
  readonly PAGE?: Fetcher;
}

const log = (line: string) => console.log(line);

const withApp = configured("api", log, async (env: Env, configuration: Configuration) => {
  const { CATALOG, REVOCATIONS, STREAMS } = env;
  const missing = missingBindings({ CATALOG, REVOCATIONS, STREAMS });
  if (missing.length > 0) return refuse(missing);
  const { ring, issuers, basePath, development } = configuration;
  const onRefusal = (why: Refusal) => logRefusal(log, "api", why);
  const limits: RateLimits = {
    take: async (policy) => ({ policy, allowed: true, remaining: policy.quota, resetsIn: policy.window }),
  };
  const trusted = issuers.map((issuer) => trustIssuer(issuer, (input, init) => fetch(input, init)));
  const context = {
    ...sessionStores(env, caches.default, configuration, onRefusal),
    issuers: trusted,
    operators: trusted.filter(({ settings }) => settings.operators),
    catalog: keepCatalog({
      load: kvCatalog(CATALOG),
      clock: systemClock,
      onRefusal,
    }),
    onFailure: onRefusal,
    keys: await prepareSessionKeys(ring, nodeHmac),
    clock: systemClock,
    timer: systemTimer,
    limits,
    entitlement: undefined,
    telemetry: () => undefined,
    random: (length: number) => crypto.getRandomValues(new Uint8Array(length)),
    settings: configuration,
  };
  const page = development ? env.PAGE : undefined;
  return ok(
    apiApp(context, {
      basePath,
      log,
      development,
      sha256: nodeSha256,
      ...(page === undefined ? {} : { page: (request: Request) => page.fetch(request) }),
    }),
  );
});

export default {
  fetch(request, env, context) {
    return withApp(env, async (app) => app.fetch(request, env, context));
  },
} satisfies ExportedHandler<Env>;
