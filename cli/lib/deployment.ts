import { isLocalUrl } from "../../src/base/origins.ts";
import type { Asset } from "../../src/catalog/asset.ts";
import { type OriginSecrets, readOriginSecrets } from "../../src/catalog/origin-secrets.ts";
import { projectRoot } from "./project.ts";
import { type DeployedWorker, readWorkerFile } from "./worker-files.ts";

/** A deployment as wrangler.toml describes it, as far as changes of the catalog need it. */
export interface Deployment {
  /** The name of its environment; "development" for this machine's. */
  readonly environment: string;
  readonly mediaUrl: string | undefined;
  /** The buckets that the workers which read files have both. */
  readonly buckets: readonly string[];
  /** To which hosts the secrets of origins may be sent; undefined on this machine, where `npm start` says so. */
  readonly originSecrets: OriginSecrets | undefined;
}

/**
 * The deployment of an API: on this machine the top level of the files, and else the environment whose STAGEDOOR_API_URL or
 * route it is. Undefined where there is none such, or the files cannot be read.
 */
export async function deploymentAt(apiUrl: string, project = projectRoot): Promise<Deployment | undefined> {
  const api = await readWorkerFile(project, "api", undefined);
  if (!api.ok) return undefined;
  if (isLocalUrl(apiUrl)) return deploymentOf(project, undefined);
  for (const environment of api.value.environments) {
    const worker = await readWorkerFile(project, "api", environment);
    if (!worker.ok) continue;
    const { vars, routes } = worker.value;
    const { origin, host } = new URL(apiUrl);
    if (vars.STAGEDOOR_API_URL === origin || routes.includes(host)) return deploymentOf(project, environment);
  }
  return undefined;
}

/** The deployment of an environment; undefined stands for the top level. */
export async function deploymentOf(project: string, environment: string | undefined): Promise<Deployment | undefined> {
  const [edge, manifest] = await Promise.all([
    readWorkerFile(project, "edge", environment),
    readWorkerFile(project, "manifest", environment),
  ]);
  if (!edge.ok || !manifest.ok) return undefined;
  const mediaUrl = edge.value.vars.STAGEDOOR_MEDIA_URL;
  return {
    environment: environment ?? "development",
    mediaUrl: typeof mediaUrl === "string" ? mediaUrl : undefined,
    originSecrets: environment === undefined ? undefined : readOriginSecrets(edge.value.vars.STAGEDOOR_ORIGIN_SECRETS),
    buckets: namesOf(edge.value).filter((name) => namesOf(manifest.value).includes(name)),
  };
}

function namesOf({ buckets }: DeployedWorker): readonly string[] {
  return buckets.map(({ binding }) => binding);
}

/** The bindings of buckets that assets name and the deployment's workers lack. */
export function unboundBuckets(assets: readonly Pick<Asset, "origin">[], { buckets }: Deployment): readonly string[] {
  const named = assets.flatMap(({ origin }) => (origin.type === "r2" ? [origin.binding] : []));
  return [...new Set(named)].filter((name) => !buckets.includes(name));
}

/** What is so where a bucket's binding is lacking, and what to do. */
export function bucketUnbound(name: string, { environment, buckets }: Deployment): string {
  const has = buckets.length === 0 ? "none" : buckets.join(", ");
  return `wrangler.toml binds no bucket ${name} to both the edge and the manifest worker of ${environment} (bound: ${has}): its assets answer 500 until it does. Add [[r2_buckets]] with binding = "${name}" and deploy, or name another.`;
}
