import { kvCatalog } from "../../src/adapters/cloudflare/kv-catalog.ts";
import { edgeMediaCache } from "../../src/adapters/cloudflare/media-cache.ts";
import { mediaOrigin } from "../../src/adapters/cloudflare/media-origin.ts";
import { nodeHmac } from "../../src/adapters/node/hmac.ts";
import { ok, refuse } from "../../src/base/result.ts";
import { systemClock } from "../../src/base/seconds.ts";
import { keepCatalog } from "../../src/catalog/source.ts";
import type { Configuration } from "../../src/config/configuration.ts";
import { fileDelivery } from "../../src/flows/deliver-file.ts";
import { configured, missingBindings } from "../../src/http/configured.ts";
import { answerEdge } from "../../src/http/edge.ts";
import { logRefusal } from "../../src/http/log.ts";
import { answerMedia } from "../../src/http/media.ts";
import { publicKeysOf } from "../../src/signing/cloudfront/key-ring.ts";
import { rememberGrants } from "../../src/signing/remember-grants.ts";
import { prepareSessionKeys } from "../../src/signing/session-keys.ts";

interface Env {
  readonly CATALOG: KVNamespace;
  readonly MANIFEST: Fetcher;
}

const log = (line: string) => console.log(line);

const withParts = configured("edge", log, async (env: Env, configuration: Configuration) => {
  const missing = missingBindings({ CATALOG: env.CATALOG, MANIFEST: env.MANIFEST });
  if (missing.length > 0) return refuse(missing);
  const publicKeys = await publicKeysOf(configuration.ring, systemClock);
  if (!publicKeys.ok) return refuse(publicKeys.refusal);
  const origin = mediaOrigin(env, systemClock);
  return ok({
    ...configuration,
    clock: systemClock,
    keys: await prepareSessionKeys(configuration.ring, nodeHmac),
    open: rememberGrants(10_000),
    publicKeys: publicKeys.value,
    catalog: keepCatalog({
      load: kvCatalog(env.CATALOG),
      clock: systemClock,
      onRefusal: (why) => logRefusal(log, "edge", why),
    }),
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
      answerMedia(request, "edge", log, (asked) =>
        answerEdge(asked, { ...parts, manifest: env.MANIFEST, waitUntil: (work) => context.waitUntil(work) }),
      ),
    );
  },
} satisfies ExportedHandler<Env>;
