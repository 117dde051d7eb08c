import { build, type Plugin } from "esbuild";

/** What this process has bundled, by entry. A process of tests starts many clusters of the same code. */
const bundles = new Map<string, Promise<string>>();

/** A worker's entry and all it imports as one ES module, resolved as wrangler would for workerd. */
export function bundleWorker(entry: string, plugins?: Plugin[]): Promise<string> {
  if (plugins !== undefined) return bundle(entry, plugins);
  const known = bundles.get(entry) ?? bundle(entry, []);
  bundles.set(entry, known);
  return known;
}

async function bundle(entry: string, plugins: Plugin[]): Promise<string> {
  const result = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    format: "esm",
    platform: "neutral",
    target: "es2024",
    mainFields: ["module", "main"],
    conditions: ["workerd", "worker", "import"],
    external: ["node:*", "cloudflare:*"],
    alias: { crypto: "node:crypto" },
    logLevel: "silent",
    plugins,
  });
  const [file] = result.outputFiles;
  if (file === undefined) throw new Error(`esbuild wrote nothing for ${entry}`);
  return file.text;
}
