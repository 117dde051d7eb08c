import { createRequire } from "node:module";

/**
 * wrangler's own copies of miniflare and esbuild. A deployment installs wrangler alone, and npm need not put its dependencies where
 * this package finds them.
 */
const fromWrangler = createRequire(createRequire(import.meta.url).resolve("wrangler/package.json"));

export const miniflareModule: typeof import("miniflare") = fromWrangler("miniflare");
export const esbuildModule: typeof import("esbuild") = fromWrangler("esbuild");
