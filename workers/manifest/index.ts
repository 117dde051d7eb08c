import { cloudFrontSign } from "../../src/adapters/aws/cloudfront-key.ts";
import { kvCatalog } from "../../src/adapters/cloudflare/kv-catalog.ts";
import { mediaOrigin } from "../../src/adapters/cloudflare/media-origin.ts";
import { nodeHmac } from "../../src/adapters/node/hmac.ts";
import { ok } from "../../src/base/result.ts";
import { systemClock } from "../../src/base/seconds.ts";
import { keepCatalog } from "../../src/catalog/source.ts";
import type { Configuration } from "../../src/config/configuration.ts";
import { playlistShelf } from "../../src/flows/playlist-shelf.ts";
import { renderings } from "../../src/flows/renderings.ts";
import { configured } from "../../src/http/configured.ts";
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

/** Characters of playlists that an isolate keeps, at two bytes each and as much again for what is made of them. */
const shelfCapacity = 16 * 1024 * 1024;

const withParts = configured("manifest", log, async (env: Env, configuration: Configuration) =>
  ok({
    ...configuration,
    mediaHost: new URL(configuration.mediaUrl).host,
    clock: systemClock,
    keys: await prepareSessionKeys(configuration.ring, nodeHmac),
    open: rememberGrants(10_000),
    catalog: keepCatalog({
      load: kvCatalog(env.CATALOG),
      clock: systemClock,
      onRefusal: (why) => logRefusal(log, "manifest", why),
    }),
    origin: mediaOrigin(env, systemClock),
    shelf: playlistShelf(shelfCapacity),
    renderings: renderings(),
    cloudFront: cloudFrontSigners(configuration.ring, configuration.mediaUrl, systemClock, (key, hash) =>
      cloudFrontSign({ ...key }, hash),
    ),
  }),
);

export default {
  fetch(request, env) {
    return withParts(env, (parts) => answerMedia(request, "manifest", log, (asked) => answerManifest(asked, parts)));
  },
} satisfies ExportedHandler<Env>;
