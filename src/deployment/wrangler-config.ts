import { identitySettingReaders, settingReaders, type WorkerKind } from "../config/setting-readers.ts";
import { bindingOf, hostOf, originSecretsOf, originsOf } from "./catalog-of.ts";
import { type Deployment, type DeploymentConfig, type EnvironmentName, environmentNames } from "./config-schema.ts";
import { issuersWith, secretReferences } from "./issuers-of.ts";
import { isPlaceholder } from "./placeholders.ts";

/** The date of the runtime's behaviour that this version of the package was tested with. */
const compatibilityDate = "2026-11-01";

/** A class of Durable Objects that several workers bind, and the worker that hosts it. */
interface SharedObject {
  readonly className: string;
  readonly host: WorkerKind;
  readonly users: readonly WorkerKind[];
}

/** The Durable Objects by binding. Revocations and leases live with the edge worker, so that it can run alone. */
const objects: Readonly<Record<string, SharedObject>> = {
  REVOCATION_LOG: { className: "RevocationLog", host: "edge", users: ["edge", "api", "identity"] },
  SUBJECT_LEASES: { className: "SubjectLeases", host: "edge", users: ["edge", "api"] },
  SHARED_PLAYLIST: { className: "SharedPlaylist", host: "manifest", users: ["manifest"] },
  METRICS_STORE: { className: "MetricsStore", host: "manifest", users: ["manifest", "edge", "api", "identity"] },
  RATE_LIMIT_COUNTER: { className: "RateLimitCounter", host: "api", users: ["api"] },
  DPOP_PROOFS: { className: "DpopProofs", host: "api", users: ["api"] },
  CATALOG_EDITOR: { className: "CatalogEditor", host: "api", users: ["api"] },
  CLOUDFRONT_STORE: { className: "CloudFrontStore", host: "api", users: ["api"] },
  REFRESH_TURNS: { className: "RefreshTurns", host: "identity", users: ["identity"] },
};

/** The migrations of each worker's objects. A migration that was deployed never changes; new classes get a new tag. */
const migrations: Readonly<
  Record<WorkerKind, readonly { readonly tag: string; readonly classes: readonly string[] }[]>
> = {
  api: [
    { tag: "v1", classes: ["RateLimitCounter", "DpopProofs", "CatalogEditor"] },
    { tag: "v2", classes: ["CloudFrontStore"] },
  ],
  edge: [{ tag: "v1", classes: ["RevocationLog", "SubjectLeases"] }],
  manifest: [{ tag: "v1", classes: ["SharedPlaylist", "MetricsStore"] }],
  identity: [{ tag: "v1", classes: ["RefreshTurns"] }],
};

const readsCatalog: readonly WorkerKind[] = ["api", "edge", "manifest"];
const readsFiles: readonly WorkerKind[] = ["edge", "manifest"];

/** The names of bindings that an origin cannot have. */
export const takenBindings: readonly string[] = [
  ...Object.keys(objects),
  ...["CATALOG", "MANIFEST", "IDENTITY", "DB", "TELEMETRY", "PAGE"],
];

/** The ports of `npx wrangler dev` and `npx stagedoor dev`. */
const devPorts: Readonly<Partial<Record<WorkerKind, number>>> = { api: 8787, edge: 8788 };

/** The workers that a deployment has. */
export function workersOf({ identity }: DeploymentConfig): readonly WorkerKind[] {
  return identity.worker ? ["api", "edge", "manifest", "identity"] : ["api", "edge", "manifest"];
}

/** The names of a deployment's stores in an environment: of the KV namespace, the database, and the buckets by origin. */
export function storeNames(config: DeploymentConfig, environment: EnvironmentName) {
  const suffix = suffixOf(environment);
  return {
    kv: `${config.name}-catalog${suffix}`,
    d1: config.identity.worker ? `${config.name}-identity${suffix}` : undefined,
    buckets: bucketsOf(config, environment).map(({ bucket_name }) => bucket_name),
  };
}

/** Where the generated files are, for the paths in them. */
export interface GeneratedPlaces {
  /** The worker's code, relative to its file. */
  readonly main: string;
  /** The folder of the identity worker's migrations, relative to its file. */
  readonly migrationsFolder: string;
  /** Modules that replace an import, for a package that is not compiled. */
  readonly alias?: Readonly<Record<string, string>>;
}

/**
 * A worker's wrangler.json: the top level for this machine, and an entry of `env` for each environment.
 *
 * The names of the top level are always Stagedoor's own, because it belongs to no account.
 */
export function wranglerConfig(
  worker: WorkerKind,
  config: DeploymentConfig,
  { main, migrationsFolder, alias }: GeneratedPlaces,
): Readonly<Record<string, unknown>> {
  const port = devPorts[worker];
  const configured = environmentNames.filter((name) => config.environments[name] !== undefined);
  return {
    name: `stagedoor-${worker}`,
    main,
    ...(alias === undefined ? {} : { alias }),
    compatibility_date: compatibilityDate,
    compatibility_flags: ["nodejs_compat"],
    workers_dev: false,
    preview_urls: false,
    ...(port === undefined ? {} : { dev: { port } }),
    // Expired rows are removed once a day.
    ...(worker === "identity" ? { triggers: { crons: ["17 3 * * *"] } } : {}),
    ...bindings(worker, config, undefined, migrationsFolder),
    migrations: migrations[worker].map(({ tag, classes }) => ({ tag, new_sqlite_classes: classes })),
    // Cloudflare's invocation logs and traces contain the request's URL, and with it the grant.
    observability: {
      enabled: true,
      redact_query_string: true,
      logs: { enabled: true, invocation_logs: false },
      traces: { enabled: false },
    },
    env: Object.fromEntries(
      configured.map((name) => [
        name,
        {
          name: scriptName(config, worker, name),
          ...routes(worker, config, name),
          vars: vars(worker, config, name),
          secrets: { required: requiredSecrets(worker, config, name) },
          ...bindings(worker, config, name, migrationsFolder),
          analytics_engine_datasets: [
            { binding: "TELEMETRY", dataset: `${config.name}${suffixOf(name)}`.replaceAll("-", "_") },
          ],
        },
      ]),
    ),
  };
}

function suffixOf(environment: EnvironmentName): string {
  return environment === "production" ? "" : `-${environment}`;
}

function scriptName(config: DeploymentConfig, worker: WorkerKind, environment: EnvironmentName | undefined): string {
  return environment === undefined ? `stagedoor-${worker}` : `${config.name}-${worker}${suffixOf(environment)}`;
}

function bindings(
  worker: WorkerKind,
  config: DeploymentConfig,
  environment: EnvironmentName | undefined,
  migrationsFolder: string,
) {
  const script = (other: WorkerKind) => scriptName(config, other, environment);
  const stores = environment === undefined ? undefined : config.environments[environment];
  const names = environment === undefined ? undefined : storeNames(config, environment);
  const services = [
    ...(worker === "edge" ? [{ binding: "MANIFEST", service: script("manifest") }] : []),
    ...(worker === "api" && config.identity.worker ? [{ binding: "IDENTITY", service: script("identity") }] : []),
  ];
  const buckets = readsFiles.includes(worker) ? bucketsOf(config, environment) : [];
  return {
    ...(readsCatalog.includes(worker)
      ? { kv_namespaces: [{ binding: "CATALOG", id: stores?.kv ?? "stagedoor-catalog" }] }
      : {}),
    ...(buckets.length === 0 ? {} : { r2_buckets: buckets }),
    ...(worker === "identity"
      ? {
          d1_databases: [
            {
              binding: "DB",
              database_name: names?.d1 ?? "stagedoor-identity",
              database_id: stores?.d1 ?? "stagedoor-identity",
              migrations_dir: migrationsFolder,
            },
          ],
        }
      : {}),
    ...(services.length === 0 ? {} : { services }),
    durable_objects: {
      bindings: Object.entries(objects)
        .filter(([, { users }]) => users.includes(worker))
        .map(([name, { className, host }]) => ({
          name,
          class_name: className,
          ...(host === worker ? {} : { script_name: script(host) }),
        })),
    },
  };
}

/** The buckets of an environment. A bucket that the environment names itself has exactly that name. */
function bucketsOf(config: DeploymentConfig, environment: EnvironmentName | undefined) {
  const own = environment === undefined ? {} : (config.environments[environment]?.origins ?? {});
  const suffix = environment === undefined ? "" : suffixOf(environment);
  return Object.entries(originsOf(config, environment)).flatMap(([name, origin]) =>
    origin.type === "r2"
      ? [{ binding: bindingOf(name), bucket_name: `${origin.bucket}${Object.hasOwn(own, name) ? "" : suffix}` }]
      : [],
  );
}

function routes(worker: WorkerKind, config: DeploymentConfig, environment: EnvironmentName) {
  const host = worker === "api" ? config.api.host : worker === "edge" ? mediaHostOf(config) : undefined;
  return host === undefined ? {} : { routes: [{ pattern: hostOf(host, config, environment), custom_domain: true }] };
}

function mediaHostOf({ cdns }: DeploymentConfig): string {
  const media = Object.values(cdns).find(({ type }) => type === "workers" || type === "node");
  if (media === undefined) throw new TypeError("a deployment whose CDNs were not checked");
  return media.host;
}

/** The ARNs of the KeyValueStores of an environment's CloudFront Functions, each once. */
export function cloudFrontStoresOf({ cdns }: DeploymentConfig, environment: EnvironmentName): readonly string[] {
  const arns = Object.values(cdns).flatMap((cdn) =>
    cdn.type === "cloudfront-function" ? (cdn.store?.[environment] ?? []) : [],
  );
  return [...new Set(arns)];
}

/** The public addresses of an environment. */
export function addressesOf(config: DeploymentConfig, environment: EnvironmentName) {
  return {
    apiUrl: `https://${hostOf(config.api.host, config, environment)}`,
    mediaUrl: `https://${hostOf(mediaHostOf(config), config, environment)}`,
  };
}

function vars(worker: WorkerKind, config: DeploymentConfig, environment: EnvironmentName) {
  const { apiUrl, mediaUrl } = addressesOf(config, environment);
  return {
    STAGEDOOR_ENV: environment,
    ...(worker === "identity" ? {} : { STAGEDOOR_MEDIA_URL: mediaUrl }),
    STAGEDOOR_API_URL: apiUrl,
    ...settingsFor(worker, config, environment),
  };
}

/**
 * The settings of a worker that are not secret, by variable: those of the file, and those that come from its other members. For
 * this machine (undefined) the issuers are left out, because they need the values of secrets.
 */
export function settingsFor(
  worker: WorkerKind,
  config: DeploymentConfig,
  environment: EnvironmentName | undefined,
): Readonly<Record<string, string>> {
  const readers = new Map(Object.entries({ ...settingReaders, ...identitySettingReaders }));
  const isRead = (name: string) => readers.get(name)?.workers.includes(worker) === true;
  const own = environment === undefined ? {} : config.environments[environment]?.settings;
  const { issuers } = config.identity;
  const settings = new Map<string, string>();
  for (const [name, value] of Object.entries({ ...config.settings, ...own }))
    if (value !== undefined && isRead(name)) settings.set(name, settingText(value));
  const secrets = originSecretsOf(config);
  if (Object.keys(secrets).length > 0 && isRead("STAGEDOOR_ORIGIN_SECRETS"))
    settings.set("STAGEDOOR_ORIGIN_SECRETS", JSON.stringify(secrets));
  const stores = environment === undefined ? [] : cloudFrontStoresOf(config, environment);
  if (stores.length > 0 && isRead("STAGEDOOR_CLOUDFRONT_STORES"))
    settings.set("STAGEDOOR_CLOUDFRONT_STORES", stores.join(" "));
  if (environment !== undefined && worker === "api" && issuers.length > 0 && issuerSecretsOf(config).length === 0)
    settings.set("STAGEDOOR_ISSUERS", JSON.stringify(issuersWith(issuers, () => undefined)));
  return Object.fromEntries(settings);
}

/** The names of the secrets in the issuers. If there are any, the list is uploaded as a secret, and not written to a file. */
export function issuerSecretsOf({ identity }: DeploymentConfig): readonly string[] {
  return secretReferences(identity.issuers).names;
}

/** A setting's value as its variable's text: a list of origins has spaces, everything else that is no text is JSON. */
export function settingText(value: string | number | readonly unknown[] | object): string {
  if (typeof value === "string") return value;
  if (Array.isArray(value) && value.every((one) => typeof one === "string")) return value.join(" ");
  return JSON.stringify(value);
}

/** The secrets that the origins and the issuers of an environment name, of this machine if it is undefined. */
export function namedSecrets(config: DeploymentConfig, environment: EnvironmentName | undefined): readonly string[] {
  return [...new Set([...originSecretNames(config, environment), ...issuerSecretsOf(config)])];
}

/** Every secret that a file of secrets can have a value for. The key ring is a file of its own. */
export function uploadableSecrets(config: DeploymentConfig): readonly string[] {
  const own = Object.entries(config.secrets).flatMap(([name, use]) =>
    use.use === "sigv4" ? [use.accessKeyId, name] : [name],
  );
  return [
    ...(config.identity.worker ? ["STAGEDOOR_IDENTITY_SECRET"] : []),
    ...(isSet("STAGEDOOR_ENTITLEMENT_URL", config) ? ["STAGEDOOR_ENTITLEMENT_SECRET"] : []),
    ...(isSet("STAGEDOOR_WEBHOOKS", config) ? ["STAGEDOOR_WEBHOOK_SECRET"] : []),
    ...(Object.values(config.cdns).some(({ type }) => type === "cloudfront-function")
      ? ["STAGEDOOR_EDGE_SECRETS"]
      : []),
    ...(config.host.type === "workers" && hasStores(config) ? awsSecrets : []),
    ...(config.host.type === "node" && config.host.postgres !== undefined ? ["STAGEDOOR_POSTGRES_PASSWORD"] : []),
    ...(config.host.type === "node" && config.host.redis !== undefined ? ["STAGEDOOR_REDIS_PASSWORD"] : []),
    ...new Set(own),
  ];
}

/** The access key for the stores of CloudFront Functions. A machine has AWS's own ways. */
const awsSecrets = ["STAGEDOOR_AWS_KEY_ID", "STAGEDOOR_AWS_SECRET_KEY"] as const;

/** Whether an environment has a store of a CloudFront Function. */
export function hasStores(config: DeploymentConfig): boolean {
  return environmentNames.some((name) => cloudFrontStoresOf(config, name).length > 0);
}

/** Whether a setting is anywhere in the file. */
function isSet(name: string, { settings, environments }: DeploymentConfig): boolean {
  const places = [settings, ...environmentNames.map((name) => environments[name]?.settings ?? {})];
  return places.some((place) => place[name] !== undefined);
}

function originSecretNames(config: DeploymentConfig, environment: EnvironmentName | undefined): readonly string[] {
  const names = Object.values(originsOf(config, environment)).flatMap((origin) => {
    const name = origin.type === "r2" || origin.type === "file" ? undefined : origin.secret;
    const secret = name === undefined ? undefined : config.secrets[name];
    if (name === undefined || secret === undefined) return [];
    return secret.use === "sigv4" ? [secret.accessKeyId, name] : [name];
  });
  return [...new Set(names)];
}

/** The names of the secrets that Cloudflare refuses to run a worker without. */
export function requiredSecrets(
  worker: WorkerKind,
  config: DeploymentConfig,
  environment: EnvironmentName | undefined,
): readonly string[] {
  if (worker === "identity") return ["STAGEDOOR_IDENTITY_SECRET"];
  return [
    "STAGEDOOR_KEYS",
    ...(readsFiles.includes(worker) ? originSecretNames(config, environment) : []),
    ...(worker === "api" && issuerSecretsOf(config).length > 0 ? ["STAGEDOOR_ISSUERS"] : []),
    ...(worker === "api" && environment !== undefined && cloudFrontStoresOf(config, environment).length > 0
      ? awsSecrets
      : []),
  ];
}

/** A worker's secrets of a file with the values of all of them: each worker gets only those that it uses. */
export function secretsOfWorker(
  worker: WorkerKind,
  config: DeploymentConfig,
  values: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const isFor = (name: string) => {
    if (name === "STAGEDOOR_IDENTITY_SECRET") return worker === "identity";
    if (name === "STAGEDOOR_ENTITLEMENT_SECRET") return worker === "api";
    if (name === "STAGEDOOR_WEBHOOK_SECRET") return worker === "manifest";
    if (name === "STAGEDOOR_EDGE_SECRETS") return worker === "edge" || worker === "manifest";
    if (awsSecrets.some((own) => own === name)) return worker === "api";
    return readsFiles.includes(worker) && config.secrets[name]?.use !== "issuer";
  };
  const own = Object.entries(values).filter(([name]) => isFor(name));
  const names = issuerSecretsOf(config);
  const hasIssuers = worker === "api" && names.length > 0 && names.every((name) => name in values);
  const issuers = hasIssuers
    ? { STAGEDOOR_ISSUERS: JSON.stringify(issuersWith(config.identity.issuers, (name) => values[name])) }
    : {};
  return { ...Object.fromEntries(own), ...issuers };
}

/** A value in a deployment's file that is still to be filled in. */
export interface Placeholder {
  /** The member, such as `environments.production.kv`. */
  readonly member: string;
  readonly line: number | undefined;
  readonly value: string;
  /** Whether `npx stagedoor deploy --create` fills it in: the id of a store. */
  readonly isCreated: boolean;
}

/**
 * The placeholders that a deployment to an environment would have. Left out are assets, which may have any text, and origins and
 * settings that the environment replaces.
 */
export function placeholdersOf({ config, lineOf }: Deployment, environment: EnvironmentName): readonly Placeholder[] {
  const found: Placeholder[] = [];
  const visit = (value: unknown, path: readonly PropertyKey[]): void => {
    if (typeof value === "string" && isPlaceholder(value)) {
      const [place, , store] = path;
      const isCreated = place === "environments" && (store === "kv" || store === "d1");
      found.push({ member: path.map(String).join("."), line: lineOf(path), value, isCreated });
    }
    if (typeof value === "object" && value !== null)
      for (const [name, member] of Object.entries(value))
        visit(member, [...path, Array.isArray(value) ? Number(name) : name]);
  };
  const { api, cdns, origins, secrets, identity, settings, environments } = config;
  const own = environments[environment];
  for (const [name, value] of Object.entries({ api, cdns, secrets, identity })) visit(value, [name]);
  for (const [place, shared] of Object.entries({ origins, settings }))
    for (const [name, value] of Object.entries(shared))
      if (!Object.hasOwn(Object(place === "origins" ? own?.origins : own?.settings), name)) visit(value, [place, name]);
  visit(own, ["environments", environment]);
  return found;
}
