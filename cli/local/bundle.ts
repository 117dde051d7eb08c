import type { BuildOptions, Plugin } from "esbuild";
import { esbuildModule } from "./wrangler-modules.ts";

/** Bundles by entry: a test process starts many clusters with the same code. */
const bundles = new Map<string, Promise<string>>();

/** Bundles a worker into one ES module, with the same resolution as wrangler. */
export function bundleWorker(entry: string, plugins?: Plugin[]): Promise<string> {
  if (plugins !== undefined) return bundle(entry, plugins);
  const cached = bundles.get(entry) ?? bundle(entry, []);
  bundles.set(entry, cached);
  return cached;
}

/** A page's script or style sheet, and everything that it imports, as one file for browsers. */
export function bundlePage(entry: string, options: Pick<BuildOptions, "alias" | "external"> = {}): Promise<string> {
  return bundled(entry, { platform: "browser", target: "es2022", ...options });
}

function bundle(entry: string, plugins: Plugin[]): Promise<string> {
  return bundled(entry, {
    platform: "neutral",
    target: "es2024",
    mainFields: ["module", "main"],
    conditions: ["workerd", "worker", "import"],
    external: ["node:*", "cloudflare:*"],
    alias: { crypto: "node:crypto" },
    plugins: [withoutAwsClient, ...plugins],
  });
}

/** On this machine no worker writes a store of AWS, and its client would be a quarter of the API's code. */
const withoutAwsClient: Plugin = {
  name: "without-aws-client",
  setup: ({ onResolve, onLoad }) => {
    onResolve({ filter: /^@aws-sdk\/(client|signature)-/ }, ({ path }) => ({ path, namespace: "without-aws-client" }));
    onLoad({ filter: /./, namespace: "without-aws-client" }, () => ({ contents: "export {};" }));
  },
};

async function bundled(entry: string, options: BuildOptions): Promise<string> {
  const result = await esbuildModule.build({
    entryPoints: [entry],
    bundle: true,
    format: "esm",
    logLevel: "silent",
    ...options,
    write: false,
  });
  const [file] = result.outputFiles;
  if (file === undefined) throw new Error(`esbuild wrote nothing for ${entry}`);
  return file.text;
}
