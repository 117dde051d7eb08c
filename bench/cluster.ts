import { join } from "node:path";
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare, type V4WorkerOptions } from "miniflare";
import { devAudience, devEnvironment } from "../cli/lib/dev-environment.ts";
import { freePort } from "../cli/lib/ports.ts";
import { projectRoot } from "../cli/lib/project.ts";
import { bundleWorker } from "../cli/local/bundle.ts";
import { devIssuer } from "../src/config/configuration.ts";
import { publicHalf } from "../src/keys/key-material.ts";
import { type KeyRing, keysFor } from "../src/keys/ring.ts";
import { bundleEdgeWithoutCheck } from "./bundle.ts";

type BenchWorker = "rewrite" | "edge" | "edgeWithoutCheck" | "start" | "joseApp";

export interface BenchCluster {
  readonly ports: Readonly<Record<BenchWorker, number>>;
  readonly stop: () => Promise<void>;
}

/** The asset of the edge's benchmark: `segments` files of `size` bytes. */
export interface BenchAsset {
  readonly id: string;
  readonly segments: readonly string[];
  readonly size: number;
}

const dates = { compatibilityDate: "2026-11-01", compatibilityFlags: ["nodejs_compat"] };

/** Starts the workers and the baselines in one workerd, each on its own port, with one R2 and one KV. */
export async function startBenchCluster(ring: KeyRing, privateKey: string, asset: BenchAsset): Promise<BenchCluster> {
  const media = "https://media.example";
  const stores = { kvNamespaces: { CATALOG: "catalog" }, r2Buckets: { MEDIA: "media" } };
  // As deployed: the objects live with the edge worker.
  const objectOf = (className: string, scriptName = "edge") => ({ className, scriptName, useSQLite: true });
  const objects = { REVOCATION_LOG: objectOf("RevocationLog"), SUBJECT_LEASES: objectOf("SubjectLeases") };
  const counters = {
    RATE_LIMIT_COUNTER: objectOf("RateLimitCounter", "start"),
    DPOP_PROOFS: objectOf("DpopProofs", "start"),
  };
  const catalogEdits = { CATALOG_EDITOR: objectOf("CatalogEditor", "start") };
  // As deployed, with the object that receives counts; in development reports are sent every second.
  const metrics = { METRICS_STORE: objectOf("MetricsStore", "manifest") };
  const edge = {
    ...stores,
    durableObjects: { ...objects, ...metrics },
    serviceBindings: { MANIFEST: { name: "manifest" } },
    bindings: devEnvironment("edge", ring, media, {}),
  };
  const issuer = { ISSUER: devIssuer, AUDIENCE: devAudience };
  const jwks = JSON.stringify({ keys: keysFor(ring, "token").map(publicHalf) });
  const ports = {
    rewrite: await freePort(),
    edge: await freePort(),
    edgeWithoutCheck: await freePort(),
    start: await freePort(),
    joseApp: await freePort(),
  };
  const bundled = (entry: string) => bundleWorker(join(projectRoot, entry));
  const workers: V4WorkerOptions[] = [
    worker("rewrite", ports.rewrite, await bundled("bench/workers/rewrite.ts"), {
      bindings: { PRIVATE_KEY: privateKey },
    }),
    worker("edge", ports.edge, await bundled("workers/edge/index.ts"), edge),
    worker("edge-without-check", ports.edgeWithoutCheck, await bundleEdgeWithoutCheck(), edge),
    worker("start", ports.start, await bundled("workers/api/index.ts"), {
      ...stores,
      durableObjects: { ...objects, ...counters, ...catalogEdits, ...metrics },
      // Rate limits count as deployed, with a quota that a benchmark from one address does not exhaust.
      bindings: devEnvironment("api", ring, media, { STAGEDOOR_START_RATE_ADDRESS: "1000000" }),
    }),
    worker("manifest", undefined, await bundled("workers/manifest/index.ts"), {
      ...stores,
      durableObjects: { ...metrics, SHARED_PLAYLIST: objectOf("SharedPlaylist", "manifest") },
      bindings: devEnvironment("manifest", ring, media, {}),
    }),
    worker("jose-app", ports.joseApp, await bundled("bench/workers/jose-app.ts"), {
      bindings: { ...issuer, JWKS: jwks },
    }),
  ];
  const miniflare = new Miniflare(convertV4MiniflareOptions({ workers, cf: false, log: new Log(LogLevel.ERROR) }));
  await miniflare.ready;
  await seed(miniflare, asset);
  return { ports, stop: () => miniflare.dispose() };
}

function worker(
  name: string,
  port: number | undefined,
  contents: string,
  options: Partial<V4WorkerOptions>,
): V4WorkerOptions {
  return {
    ...options,
    ...dates,
    name,
    modules: [{ type: "ESModule", path: `${name}.mjs`, contents }],
    ...(port === undefined ? {} : { unsafeDirectSockets: [{ host: "127.0.0.1", port }] }),
  };
}

async function seed(miniflare: Miniflare, { id, segments, size }: BenchAsset): Promise<void> {
  const asset = { id, origin: { type: "r2", binding: "MEDIA", prefix: `${id}/` }, entry: "index.m3u8" };
  const catalog = await miniflare.getKVNamespace("CATALOG", "edge");
  await catalog.put("catalog", JSON.stringify({ version: 1, assets: [asset] }));
  const bucket = await miniflare.getR2Bucket("MEDIA", "edge");
  const bytes = new Uint8Array(size).fill(0x47);
  for (const segment of segments)
    await bucket.put(`${id}/${segment}`, bytes, { httpMetadata: { contentType: "video/mp2t" } });
}
