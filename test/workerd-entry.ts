export { LimitsObject, ProofsObject } from "../src/platform/cloudflare/limit-objects.ts";
export { MetricsObject } from "../src/platform/cloudflare/metrics-object.ts";

export { RevocationObject } from "../src/platform/cloudflare/revocation-object.ts";

export { StreamsObject } from "../src/platform/cloudflare/streams-object.ts";

export { EditedCatalogObject } from "./workerd-catalog.ts";

export { CountedPlaylistObject } from "./workerd-playlists.ts";

/** The tests bring their own code; the runtime wants a worker all the same. */
export default {
  fetch(): Response {
    return new Response(null, { status: 404 });
  },
};
