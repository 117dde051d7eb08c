/**
 * Keeps wrangler and Miniflare offline and quiet: no telemetry, no request to Cloudflare, only errors in the log. Import it
 * before them, because they read their environment when they load.
 */
process.env.WRANGLER_SEND_METRICS = "false";
process.env.CLOUDFLARE_CF_FETCH_ENABLED = "false";
process.env.WRANGLER_LOG ??= "error";
