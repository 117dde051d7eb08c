import { existsSync, readFileSync, statSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { ok, type Result, refuse } from "../../src/base/result.ts";
import {
  type Configuration,
  readConfiguration,
  ringFor,
  type WorkerName,
  workerNames,
} from "../../src/config/configuration.ts";
import { rootsOf } from "../../src/deployment/catalog-of.ts";
import {
  configFile,
  type Deployment,
  type DeploymentConfig,
  type EnvironmentName,
} from "../../src/deployment/config-schema.ts";
import { issuersWith } from "../../src/deployment/issuers-of.ts";
import {
  addressesOf,
  issuerSecretsOf,
  namedSecrets,
  placeholdersOf,
  settingsFor,
} from "../../src/deployment/wrangler-config.ts";
import type { KeyRing } from "../../src/keys/ring.ts";
import type { HostRole } from "../../src/platform/node/node-host.ts";
import { CommandEnded, printed } from "../lib/command.ts";
import { parseDeployment, unfilledValues } from "../lib/deployment-folder.ts";
import { addressesAt, devIssuerSettings } from "../lib/dev-environment.ts";
import { devKeyRing } from "../lib/dev-keys.ts";
import { parseRingText, readText } from "../lib/files.ts";
import { developmentSecrets, readSecretsFile } from "../lib/secrets-file.ts";

export interface ServeOptions {
  /** Undefined for development on this machine. */
  readonly environment: EnvironmentName | undefined;
  readonly role: HostRole;
  readonly processes: number;
  readonly port: number;
  readonly mediaPort: number;
  readonly address: string;
  readonly data: string | undefined;
  readonly ring: string | undefined;
  readonly secrets: string | undefined;
  readonly replacesCatalog: boolean;
}

/**
 * The contents of the files that a service is made of, in a form that another process can receive. A process that is
 * started later gets the same, so that a faulty file stops none.
 */
export interface ServiceSources {
  readonly config: string;
  readonly ring: string;
  readonly secrets: Readonly<Record<string, string>>;
}

/** A service whose configuration was checked. */
export interface ServicePlan {
  readonly folder: string;
  readonly options: ServeOptions;
  readonly deployment: Deployment;
  readonly host: NodeHostConfig;
  readonly ring: KeyRing;
  readonly secrets: Readonly<Record<string, string>>;
  readonly apiUrl: string;
  readonly mediaUrl: string;
  readonly configurations: Readonly<Record<WorkerName, Configuration>>;
  /** The SQLite file. */
  readonly file: string;
}

type NodeHostConfig = Extract<DeploymentConfig["host"], { readonly type: "node" }>;

/** Reads the files of a folder; or says why one cannot be read. */
export async function readSources(folder: string, options: ServeOptions): Promise<Result<ServiceSources, string>> {
  try {
    const config = readFileSync(join(folder, configFile), "utf8");
    const read = deploymentOf(folder, config, options);
    if (!read.ok) return read;
    const { environment } = options;
    if (environment === undefined) {
      const ring = JSON.stringify(await devKeyRing(folder));
      return ok({ config, ring, secrets: secretsIn(folder, read.value.deployment, options) });
    }
    const ring = readRing(folder, environment, options.ring);
    return ring.ok
      ? ok({ config, ring: ring.value, secrets: secretsIn(folder, read.value.deployment, options) })
      : ring;
  } catch (error) {
    return refuse(reasonOf(error));
  }
}

/** Checks everything that a service needs before it opens a store or a port; or says what is wrong. */
export function planOf(folder: string, sources: ServiceSources, options: ServeOptions): Result<ServicePlan, string> {
  const read = deploymentOf(folder, sources.config, options);
  if (!read.ok) return read;
  const { deployment, host } = read.value;
  const { config } = deployment;
  const { environment, role } = options;
  const { secrets } = sources;
  const missing = neededSecrets(config, options).filter((name) => !(name in secrets));
  if (missing.length > 0)
    return refuse(
      `These secrets have no value: ${missing.join(", ")}. Add a line NAME=value for each to ${secretsFile(environment)}; \`npx stagedoor secrets new --env ${environment ?? "development"}\` makes that file.`,
    );
  const ring = parsedRing(folder, sources.ring, options);
  if (!ring.ok) return ring;
  const { apiUrl, mediaUrl } = environment === undefined ? addressesAt(options) : addressesOf(config, environment);
  const settings = (worker: WorkerName) => ({
    STAGEDOOR_ENV: environment ?? "development",
    STAGEDOOR_API_URL: apiUrl,
    STAGEDOOR_MEDIA_URL: mediaUrl,
    STAGEDOOR_KEYS: JSON.stringify(ringFor(worker, ring.value)),
    ...settingsFor(worker, config, environment),
    ...(worker === "api" && role !== "media" ? apiSecrets(deployment, ring.value, secrets, environment) : {}),
    ...(worker === "api" ? {} : edgeSecrets(secrets)),
    ...(worker === "manifest" ? webhookSecret(secrets) : {}),
  });
  const configurations = readAll(settings);
  if (!configurations.ok) return configurations;
  const file = resolve(folder, options.data ?? `data/${environment ?? "development"}.sqlite`);
  const plan = { folder, options, deployment, host, ring: ring.value, secrets, apiUrl, mediaUrl, file };
  return ok({ ...plan, configurations: configurations.value });
}

/** The deployment of a file's text, if it can be served with these options. */
function deploymentOf(
  folder: string,
  text: string,
  { environment, role, data }: ServeOptions,
): Result<Pick<ServicePlan, "deployment" | "host">, string> {
  const read = parseDeployment(text, shownConfig(folder));
  if (!read.ok) return read;
  const deployment = read.value;
  const { config } = deployment;
  const { host } = config;
  if (host.type !== "node")
    return refuse(
      'host.type is workers: run `npx stagedoor dev`, or deploy it with `npx stagedoor deploy`. To run it on Node, set "host": {"type": "node"}.',
    );
  if (environment !== undefined && config.environments[environment] === undefined)
    return refuse(
      `environments has no ${environment}: add {"domain": "…"} to stagedoor.config.json, or choose another with --env.`,
    );
  const unfilled = environment === undefined ? [] : placeholdersOf(deployment, environment);
  if (unfilled.length > 0) return refuse(unfilledValues(unfilled));
  const hasRedis = host.redis !== undefined && environment !== undefined;
  if (role !== "all" && data === undefined && !hasRedis)
    return refuse(
      `--role ${role} shares its stores with other processes: set host.redis, or name the one SQLite file of these processes, on this machine, with --data <file>.`,
    );
  const absent = role === "api" ? undefined : absentFolder(folder, config, environment);
  return absent === undefined ? ok({ deployment, host }) : refuse(absent);
}

/** The message of an exception; also of one that ends a command. */
function reasonOf(error: unknown): string {
  if (error instanceof CommandEnded) return printed(error.outcome, false).stderr;
  return error instanceof Error ? error.message : "unknown error";
}

function shownConfig(folder: string): string {
  return relative(process.cwd(), join(folder, configFile)) || configFile;
}

function absentFolder(
  folder: string,
  config: DeploymentConfig,
  environment: EnvironmentName | undefined,
): string | undefined {
  const folders = [...rootsOf(config, environment)].map(([name, path]) => [name, resolve(folder, path)] as const);
  const absent = folders.find(([, path]) => !statSync(path, { throwIfNoEntry: false })?.isDirectory());
  return absent === undefined
    ? undefined
    : `origins.${absent[0]}.folder: there is no folder ${absent[1]}. Make it, or correct it in stagedoor.config.json.`;
}

/**
 * The secrets without which a role does not start. Accounts on this machine have one of their own. Without a password
 * Redis would give a connection the rights of its default user, whatever user is configured.
 */
function neededSecrets(config: DeploymentConfig, { environment, role }: ServeOptions): readonly string[] {
  const { host } = config;
  const hasUser = environment !== undefined && host.type === "node" && host.redis?.user !== undefined;
  const redis = hasUser ? ["STAGEDOOR_REDIS_PASSWORD"] : [];
  const accounts = config.identity.worker && environment !== undefined ? ["STAGEDOOR_IDENTITY_SECRET"] : [];
  const ofIssuers = issuerSecretsOf(config);
  const named = namedSecrets(config, environment);
  if (role === "api") return [...redis, ...accounts, ...ofIssuers];
  return [
    ...redis,
    ...(role === "media" ? named.filter((name) => !ofIssuers.includes(name)) : [...accounts, ...named]),
  ];
}

function secretsFile(environment: EnvironmentName | undefined): string {
  return environment === undefined ? developmentSecrets : `secrets-${environment}.env`;
}

function ringFile(folder: string, environment: EnvironmentName, option: string | undefined): string {
  return option === undefined ? join(folder, `keys-${environment}.json`) : resolve(option);
}

/** The text of the key ring of an environment, or why it cannot be read. */
function readRing(folder: string, environment: EnvironmentName, option: string | undefined): Result<string, string> {
  const file = ringFile(folder, environment, option);
  if (!existsSync(file))
    return refuse(
      `There is no key ring ${file}. Make one: \`npx stagedoor keys new --purpose session --ring keys-${environment}.json\`.`,
    );
  if ((statSync(file).mode & 0o077) !== 0)
    return refuse(`Other users can read the keys in ${file}: run chmod 600 ${file}.`);
  return ok(readText(file, "the key ring"));
}

function parsedRing(
  folder: string,
  text: string,
  { environment, ring }: Pick<ServeOptions, "environment" | "ring">,
): Result<KeyRing, string> {
  try {
    return ok(parseRingText(environment === undefined ? "the ring" : ringFile(folder, environment, ring), text));
  } catch (error) {
    return refuse(reasonOf(error));
  }
}

function secretsIn(folder: string, { config }: Deployment, { environment, secrets }: ServeOptions) {
  const standard = join(folder, secretsFile(environment));
  if (secrets === undefined && !existsSync(standard)) return {};
  return readSecretsFile(secrets ?? standard, config);
}

/** The secrets by which the media host knows a CDN in front of it. */
function edgeSecrets({ STAGEDOOR_EDGE_SECRETS: secret }: Readonly<Record<string, string>>) {
  return secret === undefined ? {} : { STAGEDOOR_EDGE_SECRETS: secret };
}

function webhookSecret({ STAGEDOOR_WEBHOOK_SECRET: secret }: Readonly<Record<string, string>>) {
  return secret === undefined ? {} : { STAGEDOOR_WEBHOOK_SECRET: secret };
}

/** The API's own secrets, and the issuers of the file, with the development issuer on this machine. */
function apiSecrets(
  { config }: Deployment,
  ring: KeyRing,
  secrets: Readonly<Record<string, string>>,
  environment: EnvironmentName | undefined,
): Readonly<Record<string, string>> {
  const { STAGEDOOR_ENTITLEMENT_SECRET: secret } = secrets;
  const issuers = issuersWith(config.identity.issuers, (name) => secrets[name]);
  const all = environment === undefined ? [devIssuerSettings(ring), ...issuers] : issuers;
  return {
    // With accounts of its own there may be none.
    ...(all.length === 0 ? {} : { STAGEDOOR_ISSUERS: JSON.stringify(all) }),
    ...(secret === undefined ? {} : { STAGEDOOR_ENTITLEMENT_SECRET: secret }),
  };
}

/** The configuration of each service, or all errors as one text. */
function readAll(
  settings: (worker: WorkerName) => Readonly<Record<string, unknown>>,
): Result<Readonly<Record<WorkerName, Configuration>>, string> {
  const [api, manifest, edge] = workerNames.map((worker) => readConfiguration(settings(worker)));
  if (api?.ok && manifest?.ok && edge?.ok) return ok({ api: api.value, manifest: manifest.value, edge: edge.value });
  const errors = [api, manifest, edge].flatMap((read) => (read === undefined || read.ok ? [] : read.refusal));
  return refuse(["The configuration is invalid:", ...new Set(errors)].join("\n  "));
}
