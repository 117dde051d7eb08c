// First: it keeps wrangler offline.
import "./offline.ts";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod";
import { ok, type Result, refuse } from "../../src/base/result.ts";
import { type WorkerKind, workerKinds } from "../../src/config/setting-readers.ts";
import { configFile } from "../../src/deployment/config-schema.ts";
import { generatedFile, ownConfig } from "./deployment-folder.ts";
import { requiredPeer } from "./peers.ts";

export { type WorkerKind, workerKinds };

/** The path of each worker's configuration, relative to the project. */
export const workerFiles: Readonly<Record<WorkerKind, string>> = {
  api: "workers/api/wrangler.toml",
  edge: "wrangler.toml",
  manifest: "workers/manifest/wrangler.toml",
  identity: "workers/identity/wrangler.toml",
};

/** The path of a worker's configuration in a folder: generated if it is a deployment's folder, otherwise this project's own. */
export function workerFile(folder: string, worker: WorkerKind): string {
  return existsSync(join(folder, configFile)) ? generatedFile(worker) : workerFiles[worker];
}

/**
 * The order in which workers receive keys: workers that verify first, so that each signature reaches a worker with its key.
 */
export const verifiersFirst = ["edge", "manifest", "identity", "api"] as const satisfies readonly WorkerKind[];

/** A worker's wrangler.toml in one environment. */
export interface WorkerConfig {
  readonly worker: WorkerKind;
  readonly file: string;
  /** The script's name, by which other workers bind its services and objects. */
  readonly name: string;
  readonly vars: Readonly<Record<string, unknown>>;
  /** The names of the secrets that the file lists as required. */
  readonly secrets: readonly string[];
  readonly kv: readonly { readonly binding: string; readonly id: string }[];
  readonly buckets: readonly { readonly binding: string; readonly id: string }[];
  readonly databases: readonly { readonly binding: string; readonly id: string }[];
  readonly services: readonly { readonly binding: string; readonly script: string }[];
  /** `script` is undefined if the class is the worker's own. */
  readonly objects: readonly { readonly binding: string; readonly className: string; readonly script?: string }[];
  /** Host names of its routes and custom domains. */
  readonly routes: readonly string[];
  readonly workersDev: boolean;
  readonly previewUrls: boolean;
  /** Whether Cloudflare logs the URL of each request, in an invocation log or a trace. */
  readonly logsRequests: boolean;
  /** The names of the environments in the file. */
  readonly environments: readonly string[];
}

/** The members of wrangler's configuration that are used here. */
interface WranglerConfig {
  readonly name?: string | undefined;
  readonly vars: Readonly<Record<string, unknown>>;
  readonly secrets?: { readonly required?: readonly string[] | undefined } | undefined;
  readonly kv_namespaces: readonly { readonly binding: string; readonly id?: string | undefined }[];
  readonly r2_buckets: readonly { readonly binding: string; readonly bucket_name?: string | undefined }[];
  readonly d1_databases: readonly { readonly binding: string; readonly database_id?: string | undefined }[];
  readonly services?: readonly { readonly binding: string; readonly service: string }[] | undefined;
  readonly durable_objects: {
    readonly bindings: readonly {
      readonly name: string;
      readonly class_name: string;
      readonly script_name?: string | undefined;
    }[];
  };
  readonly route?: RouteEntry | undefined;
  readonly routes?: readonly RouteEntry[] | undefined;
  readonly workers_dev?: boolean | undefined;
  readonly preview_urls?: boolean | undefined;
  readonly observability?:
    | {
        readonly enabled?: boolean | undefined;
        readonly logs?: { readonly enabled?: boolean | undefined; readonly invocation_logs?: boolean | undefined };
        readonly traces?: { readonly enabled?: boolean | undefined };
      }
    | undefined;
  readonly definedEnvironments?: readonly string[] | undefined;
}

type RouteEntry = string | { readonly pattern: string };

/** Reads a worker's configuration in an environment (undefined: the top level) with wrangler. The refusal is wrangler's message. */
export async function readWorkerFile(
  project: string,
  worker: WorkerKind,
  environment: string | undefined,
): Promise<Result<WorkerConfig, string>> {
  const file = workerFile(project, worker);
  if (existsSync(join(project, configFile)) && ownConfig()?.host.type === "node")
    return readGenerated(project, worker, file, environment);
  const { unstable_readConfig } = await requiredPeer("wrangler", () => import("wrangler"));
  try {
    const config = unstable_readConfig({ config: join(project, file), env: environment }, { hideWarnings: true });
    return ok(workerConfig(worker, file, config));
  } catch (error) {
    return refuse(firstParagraph(error instanceof Error ? error.message : "It cannot be read."));
  }
}

const text = z.string().optional();
const rows = z.array(z.object({ binding: z.string(), id: text, bucket_name: text, database_id: text })).default([]);
const generatedMembers = z.object({
  name: text,
  workers_dev: z.boolean().default(false),
  routes: z.array(z.object({ pattern: z.string() })).default([]),
  vars: z.record(z.string(), z.unknown()).default({}),
  kv_namespaces: rows,
  r2_buckets: rows,
  d1_databases: rows,
});
const generatedSchema = generatedMembers.extend({ env: z.record(z.string(), generatedMembers).default({}) });

/** The same of a deployment on Node, which has no wrangler: its files are generated, as JSON. */
function readGenerated(project: string, worker: WorkerKind, file: string, environment: string | undefined) {
  const { env, ...top } = generatedSchema.parse(JSON.parse(readFileSync(join(project, file), "utf8")));
  const members = environment === undefined ? top : env[environment];
  if (members === undefined) return refuse(`It has no environment ${environment}.`);
  const config = { ...members, durable_objects: { bindings: [] }, definedEnvironments: Object.keys(env) };
  return ok(workerConfig(worker, file, config));
}

/** wrangler's message in one line, without the suggestions that follow it. */
function firstParagraph(message: string): string {
  const [first = ""] = message.trim().split("\n\n");
  return first.replace(/\s+/g, " ");
}

export function workerConfig(worker: WorkerKind, file: string, config: WranglerConfig): WorkerConfig {
  const { observability, routes = [], route } = config;
  const hasLogs = observability?.enabled === true || observability?.logs?.enabled === true;
  return {
    worker,
    file,
    name: config.name ?? "",
    vars: config.vars,
    secrets: config.secrets?.required ?? [],
    kv: config.kv_namespaces.map(({ binding, id = "" }) => ({ binding, id })),
    buckets: config.r2_buckets.map(({ binding, bucket_name: id = "" }) => ({ binding, id })),
    databases: config.d1_databases.map(({ binding, database_id: id = "" }) => ({ binding, id })),
    services: (config.services ?? []).map(({ binding, service }) => ({ binding, script: service })),
    objects: config.durable_objects.bindings.map(({ name, class_name, script_name }) => ({
      binding: name,
      className: class_name,
      ...(script_name === undefined ? {} : { script: script_name }),
    })),
    routes: [...routes, ...(route === undefined ? [] : [route])].map(hostOf),
    // Without routes, workers_dev is on by default.
    workersDev: config.workers_dev ?? (routes.length === 0 && route === undefined),
    previewUrls: config.preview_urls ?? false,
    logsRequests:
      (hasLogs && observability?.logs?.enabled !== false && observability?.logs?.invocation_logs !== false) ||
      observability?.traces?.enabled === true,
    environments: config.definedEnvironments ?? [],
  };
}

/** The host of a route: `https://media.example.com/*` and `media.example.com/*` have the host media.example.com. */
function hostOf(route: RouteEntry): string {
  const pattern = typeof route === "string" ? route : route.pattern;
  return pattern.replace(/^[a-z*]+:\/\//, "").split("/", 1)[0] ?? "";
}
