import { cloudFrontSign } from "../../src/adapters/aws/cloudfront-key.ts";
import { kvCatalog } from "../../src/adapters/cloudflare/kv-catalog.ts";
import { mediaOrigin } from "../../src/adapters/cloudflare/media-origin.ts";
import { nodeHmac } from "../../src/adapters/node/hmac.ts";
import { ok, refuse } from "../../src/base/result.ts";
import { systemClock, systemTimer } from "../../src/base/seconds.ts";
import { keepCatalog } from "../../src/catalog/source.ts";
import type { Configuration } from "../../src/config/configuration.ts";
import { PlaylistShelf } from "../../src/flows/playlist-shelf.ts";
import { configured, missingBindings } from "../../src/http/configured.ts";
import { logRefusal } from "../../src/http/log.ts";
import { answerManifest } from "../../src/http/manifest.ts";
import { answerMedia } from "../../src/http/media.ts";
import { cloudFrontSigners } from "../../src/signing/cloudfront/signers.ts";
import { rememberGrants } from "../../src/signing/remember-grants.ts";
import { prepareSessionKeys } from "../../src/signing/session-keys.ts";

interface Env {
  readonly CATALOG: KVNamespace;
}

const log = (line: string) => console.log(line);

/** Bytes of playlists, and of what is made of them, that an isolate keeps: it has 128 MB for everything. */
const shelfCapacity = 48 * 1024 * 1024;

const withParts = configured("manifest", log, async (env: Env, configuration: Configuration) => {
  const missing = missingBindings({ CATALOG: env.CATALOG });
  if (missing.length > 0) return refuse(missing);
  return ok({
    ...configuration,
    mediaHost: new URL(configuration.mediaUrl).host,
    clock: systemClock,
    timer: systemTimer,
    keys: await prepareSessionKeys(configuration.ring, nodeHmac),
    open: rememberGrants(10_000),
    catalog: keepCatalog({
      load: kvCatalog(env.CATALOG),
      clock: systemClock,
      onRefusal: (why) => logRefusal(log, "manifest", why),
    }),
    origin: mediaOrigin(env, systemClock),
    shelf: new PlaylistShelf(shelfCapacity),
    cloudFront: cloudFrontSigners(configuration.ring, configuration.mediaUrl, systemClock, (key, hash) =>
      cloudFrontSign({ ...key }, hash),
    ),
  });
});

export default {
  fetch(request, env) {
    return withParts(env, (parts) => answerMedia(request, "manifest", log, (asked) => answerManifest(asked, parts)));
  },
} satisfies ExportedHandler<Env>;
