export { LimitsObject } from "../src/adapters/cloudflare/limits-object.ts";
export { MetricsObject } from "../src/adapters/cloudflare/metrics-object.ts";
export { ProofsObject } from "../src/adapters/cloudflare/proofs-object.ts";

export { RevocationObject } from "../src/adapters/cloudflare/revocation-object.ts";

export { StreamsObject } from "../src/adapters/cloudflare/streams-object.ts";

export { EditedCatalogObject } from "./workerd-catalog.ts";

export { CountedPlaylistObject } from "./workerd-playlists.ts";

/** The tests bring their own code; the runtime wants a worker all the same. */
export default {
  fetch(): Response {
    return new Response(null, { status: 404 });
  },
};
