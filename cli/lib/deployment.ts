import { existsSync } from "node:fs";
import { join } from "node:path";
import { isLocalUrl } from "../../src/base/origins.ts";
import type { Asset } from "../../src/catalog/asset.ts";
import { type OriginSecrets, readOriginSecrets } from "../../src/catalog/origin-secrets.ts";
import { originSecretsOf, rootsOf } from "../../src/deployment/catalog-of.ts";
import { configFile, type DeploymentConfig, environmentNames } from "../../src/deployment/config-schema.ts";
import { addressesOf } from "../../src/deployment/wrangler-config.ts";
import { readDeployment } from "./deployment-folder.ts";
import { bindingsFile, inDeployment, projectRoot } from "./project.ts";
import { readWorkerFile, type WorkerConfig } from "./worker-files.ts";

/** What the wrangler.toml files, or a self-hosted deployment's own file, say about a deployment, as far as changes of the catalog need it. */
export interface Deployment {
  /** "development" for the files' top level. */
  readonly environment: string;
  readonly mediaUrl: string | undefined;
  /** The buckets that both the edge and the manifest worker have. */
  readonly buckets: readonly string[];
  /** The origins of the type `file`. */
  readonly roots: readonly string[];
  /** To which hosts the secrets of origins may be sent; undefined in development, where `npm start` decides. */
  readonly originSecrets: OriginSecrets | undefined;
}

/**
 * The deployment of an API: for a local URL the top level of the files, otherwise the environment with this
 * STAGEDOOR_API_URL or route. Undefined if there is none, or if the files cannot be read.
 */
export async function deploymentAt(apiUrl: string, project = projectRoot): Promise<Deployment | undefined> {
  const selfHosted = selfHostedIn(project);
  if (selfHosted !== undefined) return selfHostedAt(apiUrl, selfHosted);
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

/** The deployment of an environment, or of the top level if it is undefined. */
export async function deploymentOf(project: string, environment: string | undefined): Promise<Deployment | undefined> {
  const selfHosted = selfHostedIn(project);
  if (selfHosted !== undefined) return selfHostedOf(selfHosted, environment);
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
    buckets: bucketsOf(edge.value).filter((name) => bucketsOf(manifest.value).includes(name)),
    roots: [],
  };
}

/** The configuration of a folder with `host.type` `node`, which has no files of wrangler. */
function selfHostedIn(project: string): DeploymentConfig | undefined {
  if (!existsSync(join(project, configFile))) return undefined;
  const read = readDeployment(project);
  return read.ok && read.value.config.host.type === "node" ? read.value.config : undefined;
}

function selfHostedAt(apiUrl: string, config: DeploymentConfig): Deployment | undefined {
  if (isLocalUrl(apiUrl)) return selfHostedOf(config, undefined);
  const { origin } = new URL(apiUrl);
  const environment = environmentNames.find(
    (name) => config.environments[name] !== undefined && addressesOf(config, name).apiUrl === origin,
  );
  return environment === undefined ? undefined : selfHostedOf(config, environment);
}

function selfHostedOf(config: DeploymentConfig, environment: string | undefined): Deployment | undefined {
  const name = environmentNames.find((known) => known === environment);
  if (environment !== undefined && (name === undefined || config.environments[name] === undefined)) return undefined;
  return {
    environment: name ?? "development",
    mediaUrl: name === undefined ? undefined : addressesOf(config, name).mediaUrl,
    originSecrets: originSecretsOf(config),
    buckets: [],
    roots: [...rootsOf(config, name).keys()],
  };
}

function bucketsOf({ buckets }: WorkerConfig): readonly string[] {
  return buckets.map(({ binding }) => binding);
}

/** The buckets that the assets name and the deployment's workers do not have. */
export function unboundBuckets(assets: readonly Pick<Asset, "origin">[], { buckets }: Deployment): readonly string[] {
  const names = assets.flatMap(({ origin }) => (origin.type === "r2" ? [origin.binding] : []));
  return [...new Set(names)].filter((name) => !buckets.includes(name));
}

/** The consequence of a missing bucket binding, and what to do. */
export function bucketUnbound(name: string, { environment, buckets }: Deployment): string {
  const bound = buckets.length === 0 ? "none" : buckets.join(", ");
  const add = inDeployment
    ? `an origin of the type r2 with this name in lower case to ${bindingsFile}`
    : `[[r2_buckets]] with binding = "${name}" to both`;
  return `${bindingsFile} binds no bucket ${name} to both the edge and the manifest worker of ${environment} (bound: ${bound}): its files answer 500. Add ${add} and deploy, or name another bucket.`;
}
