// First: wrangler and Miniflare read the environment when they load.
import "../lib/offline.ts";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Miniflare, Request as MiniflareRequest, Response as MiniflareResponse, V4WorkerOptions } from "miniflare";
import { unstable_getMiniflareWorkerOptions } from "wrangler";
import { systemClock, systemMillisecondClock } from "../../src/base/time.ts";
import { parseCatalog } from "../../src/catalog/catalog.ts";
import { type OriginSecrets, readOriginSecrets } from "../../src/catalog/origin-secrets.ts";
import type { FollowedLog } from "../../src/cloudfront/store-cycle.ts";
import type { WorkerName } from "../../src/config/configuration.ts";
import type { KeyRing } from "../../src/keys/ring.ts";
import { contentTypeOf } from "../../src/origin/file-response.ts";
import { mediaOrigin } from "../../src/platform/cloudflare/r2-origin.ts";
import { revocationLog, type SessionBindings } from "../../src/platform/cloudflare/session-stores.ts";
import { type LocalDistribution, newEdgeSecret, startLocalDistribution } from "../cloudfront/local-distribution.ts";
import { applyMigrations } from "../identity/migrations.ts";
import { sourceOf } from "../lib/deployment-folder.ts";
import {
  addressesAt,
  catalogDistributionUrl,
  catalogLiveUrl,
  devEnvironment,
  devIdentityEnvironment,
} from "../lib/dev-environment.ts";
import { parseJson } from "../lib/files.ts";
import { fixtureCatalog, packageRoot } from "../lib/project.ts";
import { type WorkerKind, workerFiles } from "../lib/worker-files.ts";
import { bundleWorker } from "./bundle.ts";
import { miniflareModule } from "./wrangler-modules.ts";

export interface ClusterOptions {
  readonly ring: KeyRing;
  readonly identitySecret: string;
  /** The API's port. 0 lets the system choose. */
  readonly port: number;
  readonly mediaPort: number;
  /** The port of the emulated CloudFront distribution; undefined if there is none. 0 lets the system choose. */
  readonly distributionPort?: number | undefined;
  /** Settings (STAGEDOOR_*) that replace defaults. */
  readonly settings: Readonly<Record<string, string>>;
  /** The origins' secrets, by the names in the catalog. */
  readonly secrets?: Readonly<Record<string, string>>;
  /** To which hosts these secrets may be sent, in addition to the setting STAGEDOOR_ORIGIN_SECRETS. */
  readonly originSecrets?: OriginSecrets;
  /** The wrangler configuration of a worker; by default this project's own. */
  readonly fileOf?: (worker: WorkerKind) => string;
  /** Whether the identity worker runs (true). */
  readonly identity?: boolean;
  /** The folder of R2, KV and Durable Objects, which wrangler's commands use too. Undefined: in memory. */
  readonly statePath: string | undefined;
  /** Serves the demo page, and answers all other paths that the API worker does not know. */
  readonly page: (request: MiniflareRequest) => Promise<MiniflareResponse>;
  /** Receives each line of the workers' logs. */
  readonly log: (line: string) => void;
}

export interface Cluster {
  readonly apiUrl: string;
  readonly mediaUrl: string;
  readonly distribution: LocalDistribution | undefined;
  readonly miniflare: Miniflare;
  stop(): Promise<void>;
}

/**
 * Starts the four workers in one workerd with simulated R2, KV and D1; the API and the edge worker each have a port. The URL
 * of the media host is in the workers' settings, so `mediaPort` cannot be 0.
 */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const { apiUrl, mediaUrl } = addressesAt(options);
  const { originSecrets, settings: overrides } = options;
  const edge = edgeSecretsOf(options);
  const settings = {
    ...{ STAGEDOOR_API_URL: apiUrl, ...overrides, ...mergedOriginSecrets(originSecrets, overrides) },
    ...edge.settings,
  };
  const environment = (name: WorkerName) => ({
    ...devEnvironment(name, options.ring, mediaUrl, settings),
    ...options.secrets,
  });
  const { fileOf = (name) => join(packageRoot, workerFiles[name]), identity = true } = options;
  const file = (name: WorkerKind) => ({ file: fileOf(name) });
  const workers = await Promise.all([
    worker("api", environment("api"), {
      ...file("api"),
      port: options.port,
      serviceBindings: { PAGE: options.page },
    }),
    worker("edge", environment("edge"), { ...file("edge"), port: options.mediaPort }),
    worker("manifest", environment("manifest"), file("manifest")),
    ...(identity
      ? [worker("identity", devIdentityEnvironment(apiUrl, options.identitySecret, settings), file("identity"))]
      : []),
  ]);
  const miniflare = new miniflareModule.Miniflare(
    miniflareModule.convertV4MiniflareOptions({
      workers,
      cf: false,
      log: new miniflareModule.Log(miniflareModule.LogLevel.ERROR),
      handleStructuredLogs: ({ message }) => options.log(message),
      ...(options.statePath === undefined ? {} : { resourcePersistencePath: options.statePath }),
    }),
  );
  await miniflare.ready;
  if (identity) await applyMigrations(miniflare);
  const { distributionPort } = options;
  const distribution =
    distributionPort === undefined
      ? undefined
      : await distributionOf(miniflare, { ...options, settings, port: distributionPort, edgeSecret: edge.secret });
  const stop = async () => {
    await distribution?.stop();
    await miniflare.dispose();
  };
  return { apiUrl, mediaUrl, distribution, miniflare, stop };
}

/** The emulated distribution in front of the media host. Its store follows the log in its Durable Object. */
async function distributionOf(
  miniflare: Miniflare,
  options: Pick<ClusterOptions, "ring" | "settings" | "mediaPort" | "log"> & {
    readonly port: number;
    readonly edgeSecret: string;
  },
): Promise<LocalDistribution> {
  const { mediaUrl } = addressesAt({ port: 0, mediaPort: options.mediaPort });
  const bindings = await miniflare.getBindings<SessionBindings<unknown>>("stagedoor-edge");
  return startLocalDistribution({
    ...{ port: options.port, settings: options.settings, edgeSecret: options.edgeSecret, onFailure: options.log },
    ring: () => options.ring,
    media: ({ method, target, headers }) => fetch(`${mediaUrl}${target}`, { method, headers, redirect: "manual" }),
    catalog: async () => {
      const catalog = parseCatalog({ version: 1, assets: await localAssets(miniflare) });
      if (!catalog.ok) throw new Error("the catalog is invalid");
      return catalog.value;
    },
    origin: mediaOrigin(bindings, systemClock),
    log: followedLog(bindings.REVOCATION_LOG, mediaUrl),
  });
}

/**
 * The log with one stub of its object. Miniflare blocks this process for each new stub, and workerd blocks if this process reads
 * nothing of what it logs: in a burst of log lines each would wait for the other for ever.
 */
function followedLog({ idFromName, get }: SessionBindings<unknown>["REVOCATION_LOG"], mediaUrl: string): FollowedLog {
  let stub = get(idFromName("log"));
  const objects = { idFromName: () => undefined, get: () => stub };
  const log = revocationLog({ objects, cache: undefined, mediaUrl, clock: systemMillisecondClock });
  return {
    since: async (cursor) => {
      try {
        return await log.since(cursor, "full");
      } catch (error) {
        // A failed stub may keep failing.
        stub = get(idFromName("log"));
        throw error;
      }
    },
  };
}

/** The secret by which the media host knows the emulated distribution: one of its settings or secrets, or one for this run. */
function edgeSecretsOf({ distributionPort, settings, secrets = {} }: ClusterOptions) {
  if (distributionPort === undefined) return { secret: "", settings: {} };
  const given = secrets.STAGEDOOR_EDGE_SECRETS ?? settings.STAGEDOOR_EDGE_SECRETS ?? newEdgeSecret();
  return { secret: given.split(",")[0]?.trim() ?? "", settings: { STAGEDOOR_EDGE_SECRETS: given } };
}

/** STAGEDOOR_ORIGIN_SECRETS with the members of `additional`. An invalid setting stays as it is: the worker reports it. */
export function mergedOriginSecrets(
  additional: OriginSecrets | undefined,
  { STAGEDOOR_ORIGIN_SECRETS: setting }: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  if (additional === undefined) return {};
  const configured = readOriginSecrets(setting);
  if (setting !== undefined && Object.keys(configured).length === 0) return {};
  return { STAGEDOOR_ORIGIN_SECRETS: JSON.stringify({ ...configured, ...additional }) };
}

/** Miniflare's options for one worker: its wrangler.toml and code, with these variables and secrets. */
export async function worker(
  name: WorkerKind,
  bindings: Readonly<Record<string, string>>,
  extra: {
    readonly file?: string;
    readonly port?: number;
    readonly serviceBindings?: { readonly PAGE: ClusterOptions["page"] };
  },
): Promise<V4WorkerOptions> {
  const file = extra.file ?? join(packageRoot, workerFiles[name]);
  const config = unstable_getMiniflareWorkerOptions(file);
  if (config.main === undefined) throw new Error(`${file} has no main`);
  const { modulesRules: _, ...worker } = config.workerOptions;
  return {
    ...worker,
    name: `stagedoor-${name}`,
    modules: [{ type: "ESModule", path: `${name}.mjs`, contents: await bundleWorker(sourceOf(name) ?? config.main) }],
    bindings,
    serviceBindings: { ...Object(worker.serviceBindings), ...extra.serviceBindings },
    ...(extra.port === undefined ? {} : { unsafeDirectSockets: [{ host: "127.0.0.1", port: extra.port }] }),
  };
}

const mediaFolder = join(packageRoot, "fixtures/media");

/** Where the fixtures are that the workers do not serve themselves. */
export interface FixtureUrls {
  readonly liveUrl: string;
  readonly distributionUrl?: string | undefined;
}

export interface Seeded {
  /** The number of files that were written. */
  readonly written: number;
  /** The ids of the assets that were added before and are still in the catalog. */
  readonly kept: readonly string[];
}

/**
 * Writes the fixture streams to the simulated R2 and the catalog to the simulated KV: the fixtures, with the addresses of the
 * live streams' origin and the emulated distribution, `ownAssets`, and the assets that were added to the catalog since it was seeded last. An own asset
 * replaces a fixture of the same id. Files that are there already with the same content are skipped.
 */
export async function seed(
  miniflare: Miniflare,
  { liveUrl, distributionUrl = catalogDistributionUrl }: FixtureUrls,
  ownAssets: readonly unknown[] = [],
): Promise<Seeded> {
  const text = readFileSync(fixtureCatalog, "utf8")
    .replaceAll(`${catalogLiveUrl}/`, `${liveUrl}/`)
    .replaceAll(`"${catalogDistributionUrl}"`, `"${distributionUrl}"`);
  const fixtures = assetsIn(text);
  const own = new Set(ownAssets.map(idOf));
  const seeded = [...fixtures.filter((asset) => !own.has(idOf(asset))), ...ownAssets];
  const kept = await seedCatalog(miniflare, seeded);
  return { written: await copyToBucket(miniflare, "MEDIA", mediaFolder, filesBelow(mediaFolder)), kept };
}

/** Writes these assets to the simulated KV, and keeps those that were added to the catalog since the last start. */
export async function seedCatalog(miniflare: Miniflare, seeded: readonly unknown[]): Promise<Seeded["kept"]> {
  const catalog = await miniflare.getKVNamespace("CATALOG", "stagedoor-api");
  const before = new Set([...seeded.map(idOf), ...idsIn(await catalog.get(seededKey, "text"))]);
  const kept = assetsIn(await catalog.get("catalog", "text")).filter((asset) => !before.has(idOf(asset)));
  await catalog.put("catalog", JSON.stringify({ version: 1, assets: [...seeded, ...kept] }));
  await catalog.put(seededKey, JSON.stringify(seeded.map(idOf)));
  return kept.map(idOf);
}

/** Files and links below a folder, as paths relative to it. */
export interface FolderFiles {
  readonly files: readonly string[];
  /** Links, which are not followed: one to `/etc` would publish every file of that folder. */
  readonly links: readonly string[];
}

/** Lists the files below a folder, without following links. */
export function filesBelow(source: string): FolderFiles {
  const entries = readdirSync(source, { withFileTypes: true }).toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const parts = entries.map((entry): FolderFiles => {
    if (entry.isSymbolicLink()) return { files: [], links: [entry.name] };
    if (entry.isFile()) return { files: [entry.name], links: [] };
    if (!entry.isDirectory()) return { files: [], links: [] };
    const below = filesBelow(join(source, entry.name));
    const inFolder = (name: string) => `${entry.name}/${name}`;
    return { files: below.files.map(inFolder), links: below.links.map(inFolder) };
  });
  return { files: parts.flatMap(({ files }) => files), links: parts.flatMap(({ links }) => links) };
}

/** Copies a folder's files into a simulated bucket, except those that are there already. Returns the number of files copied. */
export async function copyToBucket(
  miniflare: Miniflare,
  binding: string,
  source: string,
  { files }: FolderFiles,
): Promise<number> {
  const bucket = await miniflare.getR2Bucket(binding, "stagedoor-edge");
  const etags = new Map<string, string>();
  for (let cursor: string | undefined, isTruncated = true; isTruncated; ) {
    const page = await bucket.list(cursor === undefined ? {} : { cursor });
    for (const object of page.objects) etags.set(object.key, object.etag);
    isTruncated = page.truncated;
    cursor = page.truncated ? page.cursor : undefined;
  }
  let written = 0;
  for (const key of files) {
    const bytes = readFileSync(join(source, key));
    if (etags.get(key) === createHash("md5").update(bytes).digest("hex")) continue;
    await bucket.put(key, bytes, { httpMetadata: { contentType: contentTypeOf(key, undefined) } });
    written++;
  }
  return written;
}

/** Ids of the assets that the last start wrote: what else is in the catalog was added since. */
const seededKey = "seeded";

function assetsIn(text: string | null): readonly unknown[] {
  const assets: unknown = Object(parseJson(text ?? "")).assets;
  return Array.isArray(assets) ? assets : [];
}

/** The assets of the running catalog, those that were added since the start included. */
export async function localAssets(miniflare: Miniflare): Promise<readonly unknown[]> {
  return assetsIn(await (await miniflare.getKVNamespace("CATALOG", "stagedoor-api")).get("catalog", "text"));
}

function idsIn(text: string | null): readonly string[] {
  const ids = parseJson(text ?? "");
  return Array.isArray(ids) ? ids.map(String) : [];
}

function idOf(asset: unknown): string {
  return String(Object(asset).id);
}
