export { DpopProofs, RateLimitCounter } from "../src/platform/cloudflare/limit-objects.ts";
export { MetricsStore } from "../src/platform/cloudflare/manifest-objects.ts";
export { RevocationLog, SubjectLeases } from "../src/platform/cloudflare/session-objects.ts";

export { EditedCatalogEditor } from "./workerd-catalog.ts";
export { EmulatedCloudFrontStore } from "./workerd-cloudfront.ts";

export { CountedSharedPlaylist } from "./workerd-playlists.ts";

/** The tests bring their own code, but the runtime requires a worker. */
export default {
  fetch(): Response {
    return new Response(null, { status: 404 });
  },
};
