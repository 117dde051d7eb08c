import { build, type Plugin } from "esbuild";

/** A worker's entry and all it imports as one ES module, resolved as wrangler would for workerd. */
export async function bundleWorker(entry: string, plugins: Plugin[] = []): Promise<string> {
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
