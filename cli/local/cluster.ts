// First, since the others read what it sets.
import "../lib/offline.ts";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import {
  convertV4MiniflareOptions,
  Log,
  LogLevel,
  Miniflare,
  type Request as MiniflareRequest,
  type Response as MiniflareResponse,
  type V4WorkerOptions,
} from "miniflare";
import { unstable_getMiniflareWorkerOptions } from "wrangler";
import { type OriginSecrets, readOriginSecrets } from "../../src/catalog/origin-secrets.ts";
import type { WorkerName } from "../../src/config/configuration.ts";
import type { KeyRing } from "../../src/keys/ring.ts";
import { contentTypeOf } from "../../src/origin/file-response.ts";
import { applyMigrations } from "../identity/migrations.ts";
import { catalogLiveUrl, devEnvironment, devIdentityEnvironment } from "../lib/dev-environment.ts";
import { fixtureCatalog, projectRoot } from "../lib/project.ts";
import { bundleWorker } from "./bundle.ts";

const configs = {
  edge: "wrangler.toml",
  api: "workers/api/wrangler.toml",
  manifest: "workers/manifest/wrangler.toml",
  identity: "workers/identity/wrangler.toml",
};

export interface ClusterOptions {
  readonly ring: KeyRing;
  /** The identity worker's secret. */
  readonly identitySecret: string;
  /** 0 lets the system choose. */
  readonly port: number;
  readonly mediaPort: number;
  /** Settings (STAGEDOOR_*) in place of the defaults. */
  readonly settings: Readonly<Record<string, string>>;
  /** Secrets that the catalog names, for origins. */
  readonly secrets?: Readonly<Record<string, string>>;
  /** To which hosts those may be sent, in addition to what the settings bind. */
  readonly originSecrets?: OriginSecrets;
  /** Where R2, KV and Durable Objects are kept; shared with wrangler's own commands. Undefined: in memory. */
  readonly statePath: string | undefined;
  /** Serves the demo page and what else the API worker does not know. */
  readonly page: (request: MiniflareRequest) => Promise<MiniflareResponse>;
  /** One line of a worker's log. */
  readonly log: (line: string) => void;
}

export interface Cluster {
  readonly apiUrl: string;
  readonly mediaUrl: string;
  readonly miniflare: Miniflare;
  stop(): Promise<void>;
}

/**
 * Starts the four workers in one workerd, those that players reach each on a port of its own, with R2, KV and D1 simulated. The media host's address
 * is in the workers' settings, so its port has to be known in advance: `mediaPort` is a real one.
 */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const { apiUrl, mediaUrl } = addressesAt(options);
  const { originSecrets, settings: given } = options;
  const settings = { STAGEDOOR_API_URL: apiUrl, ...given, ...boundSecrets(originSecrets, given) };
  const environment = (name: WorkerName) => ({
    ...devEnvironment(name, options.ring, mediaUrl, settings),
    ...options.secrets,
  });
  const workers = await Promise.all([
    worker("api", environment("api"), { port: options.port, serviceBindings: { PAGE: options.page } }),
    worker("edge", environment("edge"), { port: options.mediaPort }),
    worker("manifest", environment("manifest"), {}),
    worker("identity", devIdentityEnvironment(apiUrl, options.identitySecret, settings), {}),
  ]);
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      workers,
      cf: false,
      log: new Log(LogLevel.ERROR),
      handleStructuredLogs: ({ message }) => options.log(message),
      ...(options.statePath === undefined ? {} : { resourcePersistencePath: options.statePath }),
    }),
  );
  await miniflare.ready;
  await applyMigrations(miniflare);
  return { apiUrl, mediaUrl, miniflare, stop: () => miniflare.dispose() };
}

/** The setting that binds secrets to hosts, with those of `more`. A faulty one is left to the worker, which names the fault. */
export function boundSecrets(
  more: OriginSecrets | undefined,
  { STAGEDOOR_ORIGIN_SECRETS: own }: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  if (more === undefined) return {};
  const bound = readOriginSecrets(own);
  if (own !== undefined && Object.keys(bound).length === 0) return {};
  return { STAGEDOOR_ORIGIN_SECRETS: JSON.stringify({ ...bound, ...more }) };
}

/** The addresses of a cluster at these ports. */
export function addressesAt({ port, mediaPort }: Pick<ClusterOptions, "port" | "mediaPort">) {
  return { apiUrl: `http://localhost:${port}`, mediaUrl: `http://localhost:${mediaPort}` };
}

/** Miniflare's options for one worker: its configuration and code, with these variables in place of its secrets. */
export async function worker(
  name: keyof typeof configs,
  bindings: Readonly<Record<string, string>>,
  more: { readonly port?: number; readonly serviceBindings?: { readonly PAGE: ClusterOptions["page"] } },
): Promise<V4WorkerOptions> {
  const config = unstable_getMiniflareWorkerOptions(join(projectRoot, configs[name]));
  if (config.main === undefined) throw new Error(`${configs[name]} names no main`);
  const { modulesRules: _, ...worker } = config.workerOptions;
  return {
    ...worker,
    name: `stagedoor-${name}`,
    modules: [{ type: "ESModule", path: `${name}.mjs`, contents: await bundleWorker(config.main) }],
    bindings,
    serviceBindings: { ...Object(worker.serviceBindings), ...more.serviceBindings },
    ...(more.port === undefined ? {} : { unsafeDirectSockets: [{ host: "127.0.0.1", port: more.port }] }),
  };
}

const mediaFolder = join(projectRoot, "fixtures/media");

/**
 * Loads the fixture streams into the simulated R2 and the catalog into the simulated KV, as a deployment would hold them;
 * the live streams' origin is put at `liveUrl`, where it listens. Files that lie there already with the same content are
 * left. Gives back how many were written.
 */
export async function seed(miniflare: Miniflare, liveUrl: string): Promise<number> {
  const catalog = await miniflare.getKVNamespace("CATALOG", "stagedoor-api");
  await catalog.put("catalog", readFileSync(fixtureCatalog, "utf8").replaceAll(`${catalogLiveUrl}/`, `${liveUrl}/`));
  const bucket = await miniflare.getR2Bucket("MEDIA", "stagedoor-edge");
  const held = new Map<string, string>();
  for (let cursor: string | undefined, more = true; more; ) {
    const page = await bucket.list(cursor === undefined ? {} : { cursor });
    for (const object of page.objects) held.set(object.key, object.etag);
    more = page.truncated;
    cursor = page.truncated ? page.cursor : undefined;
  }
  const files = readdirSync(mediaFolder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  let written = 0;
  for (const file of files) {
    const path = join(file.parentPath, file.name);
    const key = relative(mediaFolder, path);
    const bytes = readFileSync(path);
    if (held.get(key) === createHash("md5").update(bytes).digest("hex")) continue;
    await bucket.put(key, bytes, { httpMetadata: { contentType: contentTypeOf(key, undefined) } });
    written++;
  }
  return written;
}
