// First: it keeps wrangler from asking the network for anything.
import "./offline.ts";
import { join } from "node:path";
import { ok, type Result, refuse } from "../../src/base/result.ts";

export const workerKinds = ["api", "edge", "manifest", "identity"] as const;
export type WorkerKind = (typeof workerKinds)[number];

/** The path of each worker's configuration in the project. */
export const workerFiles: Readonly<Record<WorkerKind, string>> = {
  api: "workers/api/wrangler.toml",
  edge: "wrangler.toml",
  manifest: "workers/manifest/wrangler.toml",
  identity: "workers/identity/wrangler.toml",
};

/** A worker as its wrangler.toml deploys it in one environment. */
export interface DeployedWorker {
  readonly worker: WorkerKind;
  readonly file: string;
  /** The script's name, which services and objects of other workers name. */
  readonly name: string;
  readonly vars: Readonly<Record<string, unknown>>;
  /** Names of secrets that the file says it needs. */
  readonly secrets: readonly string[];
  readonly kv: readonly { readonly binding: string; readonly id: string }[];
  readonly buckets: readonly { readonly binding: string; readonly id: string }[];
  readonly databases: readonly { readonly binding: string; readonly id: string }[];
  readonly services: readonly { readonly binding: string; readonly script: string }[];
  /** `script` is undefined where the class is the worker's own. */
  readonly objects: readonly { readonly binding: string; readonly className: string; readonly script?: string }[];
  /** Host names of its routes and custom domains. */
  readonly routes: readonly string[];
  readonly workersDev: boolean;
  readonly previewUrls: boolean;
  /** Whether Cloudflare writes down each request, and with it its URL: in an invocation log, or in a trace. */
  readonly logsRequests: boolean;
  /** The environments that the file has beside its top level. */
  readonly environments: readonly string[];
}

/** The shape that wrangler gives a configuration, as far as it is read here. */
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

/**
 * A worker's configuration in an environment (undefined for the top level), as wrangler itself reads it. The refusal is
 * wrangler's own message.
 */
export async function readWorkerFile(
  project: string,
  worker: WorkerKind,
  environment: string | undefined,
): Promise<Result<DeployedWorker, string>> {
  const { unstable_readConfig } = await import("wrangler");
  const file = workerFiles[worker];
  try {
    const config = unstable_readConfig({ config: join(project, file), env: environment }, { hideWarnings: true });
    return ok(deployedWorker(worker, file, config));
  } catch (error) {
    return refuse(oneLine(error instanceof Error ? error.message : "It cannot be read."));
  }
}

/** What wrangler says, without the suggestions behind it. */
function oneLine(message: string): string {
  const [first = ""] = message.trim().split("\n\n");
  return first.replace(/\s+/g, " ");
}

export function deployedWorker(worker: WorkerKind, file: string, config: WranglerConfig): DeployedWorker {
  const { observability, routes = [], route } = config;
  const observed = observability?.enabled === true || observability?.logs?.enabled === true;
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
    // Without routes wrangler opens workers.dev by itself.
    workersDev: config.workers_dev ?? (routes.length === 0 && route === undefined),
    previewUrls: config.preview_urls ?? false,
    logsRequests:
      (observed && observability?.logs?.enabled !== false && observability?.logs?.invocation_logs !== false) ||
      observability?.traces?.enabled === true,
    environments: config.definedEnvironments ?? [],
  };
}

/** `https://media.example.com/*` and `media.example.com/*` are of media.example.com. */
function hostOf(route: RouteEntry): string {
  const pattern = typeof route === "string" ? route : route.pattern;
  return pattern.replace(/^[a-z*]+:\/\//, "").split("/", 1)[0] ?? "";
}
