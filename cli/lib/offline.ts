/**
 * Keeps wrangler and Miniflare to this machine: no telemetry, no look-up of Cloudflare's edge, and no chatter between our
 * own lines. It has to be imported before they are, since they read their environment as they load.
 */
process.env.WRANGLER_SEND_METRICS = "false";
process.env.CLOUDFLARE_CF_FETCH_ENABLED = "false";
process.env.WRANGLER_LOG ??= "error";
