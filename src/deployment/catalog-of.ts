import { type OriginSecrets, originSecretsSchema } from "../catalog/origin-secrets.ts";
import type { ConfiguredOrigin, Deployment, DeploymentConfig, EnvironmentName } from "./config-schema.ts";

/** The name of the binding of an R2 origin: `films` is FILMS. */
export function bindingOf(origin: string): string {
  return origin.toUpperCase().replaceAll("-", "_");
}

/** A host with the domain of an environment; on this machine with that of production. */
export function hostOf(
  host: string,
  { environments }: DeploymentConfig,
  environment: EnvironmentName | undefined,
): string {
  const { domain } = (environment && environments[environment]) ??
    environments.production ??
    environments.staging ?? { domain: "localhost" };
  return host.replace("{domain}", domain);
}

/** The origins of an environment, or of this machine if it is undefined. */
export function originsOf(
  { origins, environments }: DeploymentConfig,
  environment: EnvironmentName | undefined,
): DeploymentConfig["origins"] {
  return { ...origins, ...(environment === undefined ? {} : environments[environment]?.origins) };
}

/** The folders of the origins of the type `file`, by the name that assets use, as they are written. */
export function rootsOf(
  config: DeploymentConfig,
  environment: EnvironmentName | undefined,
): ReadonlyMap<string, string> {
  return new Map(
    Object.entries(originsOf(config, environment)).flatMap(([name, origin]) =>
      origin.type === "file" ? [[name, origin.folder] as const] : [],
    ),
  );
}

/** An origin that is reached over HTTP. */
type RemoteOrigin = Extract<ConfiguredOrigin, { type: "http" | "s3" }>;

/** The base URL of an origin that is reached over HTTP. */
export function originUrlOf(origin: RemoteOrigin): string {
  if (origin.type === "http") return origin.url;
  const { bucket, region, endpoint } = origin;
  return endpoint === undefined
    ? `https://${bucket}.s3.${region}.amazonaws.com/`
    : `${endpoint.replace(/\/$/, "")}/${bucket}/`;
}

/** STAGEDOOR_ORIGIN_SECRETS: which secrets may be sent where. Secrets of issuers are never sent to an origin. */
export function originSecretsOf({ secrets }: DeploymentConfig): OriginSecrets {
  const entries = Object.entries(secrets).filter(([, { use }]) => use !== "issuer");
  return originSecretsSchema.parse(Object.fromEntries(entries));
}

/** The assets of a deployment's file as the catalog (version 1) of an environment, or of this machine. */
export function catalogOf(
  { config, assets }: Pick<Deployment, "config" | "assets">,
  environment: EnvironmentName | undefined,
  emulatedCloudFront?: string,
): { readonly version: 1; readonly assets: readonly unknown[] } {
  const origins = originsOf(config, environment);
  return {
    version: 1,
    assets: assets.map((written, index) => {
      const { origin: _, path: __, entries: ___, cdn: ____, ...rest } = written;
      const asset = config.assets[index];
      const named = asset === undefined ? undefined : origins[asset.origin];
      if (asset === undefined || named === undefined) return written;
      return {
        ...rest,
        origin: catalogOrigin(config, asset.origin, named, asset.path ?? `${asset.id}/`),
        entry: asset.entries.hls,
        ...cdnMembers(config, asset.cdn, environment, emulatedCloudFront),
      };
    }),
  };
}

function catalogOrigin(config: DeploymentConfig, name: string, origin: ConfiguredOrigin, path: string): unknown {
  if (origin.type === "r2") return { type: "r2", binding: bindingOf(name), prefix: path };
  if (origin.type === "file") return { type: "file", root: name, path };
  const { timeout } = origin;
  const auth = authOf(config, origin);
  return {
    type: "http",
    url: `${originUrlOf(origin)}${path}`,
    ...(auth === undefined ? {} : { auth }),
    ...(timeout === undefined ? {} : { timeout }),
    ...(origin.type === "http" && origin.missingIs !== undefined ? { missingIs: origin.missingIs } : {}),
  };
}

function authOf({ secrets }: DeploymentConfig, origin: RemoteOrigin): unknown {
  const secret = origin.secret;
  const use = secret === undefined ? undefined : secrets[secret];
  if (use?.use === "header") return { type: "header", name: use.header, secret };
  if (use?.use !== "sigv4" || origin.type !== "s3") return undefined;
  return { type: "sigv4", region: origin.region, accessKeyId: use.accessKeyId, secretAccessKey: secret };
}

function cdnMembers(
  config: DeploymentConfig,
  named: string | readonly string[] | undefined,
  environment: EnvironmentName | undefined,
  emulatedCloudFront: string | undefined,
) {
  const [name] = [named ?? []].flat();
  const cdn = name === undefined ? undefined : config.cdns[name];
  if (cdn?.type === "cloudfront-function")
    return { cdn: "cloudfront", cdnUrl: emulatedCloudFront ?? `https://${hostOf(cdn.host, config, environment)}` };
  if (cdn?.type !== "cloudfront") return {};
  const { type: _, host, ...settings } = cdn;
  return { cdn: "cloudfront-signed", cloudfront: { url: `https://${hostOf(host, config, environment)}`, ...settings } };
}
