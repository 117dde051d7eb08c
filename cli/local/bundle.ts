import { build, type Plugin } from "esbuild";

/** Bundles by entry: a test process starts many clusters with the same code. */
const bundles = new Map<string, Promise<string>>();

/** Bundles a worker into one ES module, with the same resolution as wrangler. */
export function bundleWorker(entry: string, plugins?: Plugin[]): Promise<string> {
  if (plugins !== undefined) return bundle(entry, plugins);
  const cached = bundles.get(entry) ?? bundle(entry, []);
  bundles.set(entry, cached);
  return cached;
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
