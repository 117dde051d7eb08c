import { chmodSync, existsSync, mkdirSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { type IpNetwork, parseNetwork } from "../../src/base/ip-address.ts";
import { refusal } from "../../src/base/result.ts";
import { systemClock } from "../../src/base/time.ts";
import {
  type Configuration,
  readConfiguration,
  ringFor,
  type WorkerName,
  workerNames,
} from "../../src/config/configuration.ts";
import { catalogOf, rootsOf } from "../../src/deployment/catalog-of.ts";
import type { Deployment, DeploymentConfig, EnvironmentName } from "../../src/deployment/config-schema.ts";
import { issuersWith } from "../../src/deployment/issuers-of.ts";
import { addressesOf, namedSecrets, placeholdersOf, settingsFor } from "../../src/deployment/wrangler-config.ts";
import type { Log } from "../../src/http/problem-response.ts";
import type { KeyRing } from "../../src/keys/ring.ts";
import { httpOrigin } from "../../src/origin/http-origin.ts";
import { type Origin, originOf } from "../../src/origin/origin.ts";
import { fileOrigin } from "../../src/platform/node/file-origin.ts";
import { guardedFetch } from "../../src/platform/node/guarded-fetch.ts";
import { drain, httpFront, listenOn } from "../../src/platform/node/http-front.ts";
import { nodeHost } from "../../src/platform/node/node-host.ts";
import type { CatalogText } from "../../src/platform/node/sqlite-stores.ts";
import { readDeployment, unfilledValues } from "../lib/deployment-folder.ts";
import { addressesAt, devIssuerSettings } from "../lib/dev-environment.ts";
import { devKeyRing } from "../lib/dev-keys.ts";
import { parseRingText, readText } from "../lib/files.ts";
import { developmentSecrets, readSecretsFile } from "../lib/secrets-file.ts";
import { stopOnSignals } from "../lib/signals.ts";
import { localCredentials, portFault } from "./local-run.ts";
import { accountsOf } from "./run-accounts.ts";
import { storesOf } from "./run-stores.ts";

export interface ServeOptions {
  /** Undefined for development on this machine. */
  readonly environment: EnvironmentName | undefined;
  readonly port: number;
  readonly mediaPort: number;
  readonly address: string;
  readonly data: string | undefined;
  readonly ring: string | undefined;
  readonly secrets: string | undefined;
  readonly replacesCatalog: boolean;
}

/** How long responses in progress may take after a signal, in milliseconds: longer than a blocking reload waits. */
const drainTimeout = 20_000;

/** Runs the service of a folder until a signal ends the process. If it cannot start, resolves with the reason. */
export async function runService(folder: string, options: ServeOptions): Promise<string> {
  const read = readDeployment(folder);
  if (!read.ok) return read.refusal;
  const deployment = read.value;
  const { config } = deployment;
  const { environment } = options;
  const { host } = config;
  if (host.type !== "node")
    return 'host.type is workers: run `npx stagedoor dev`, or deploy it with `npx stagedoor deploy`. To run it on Node, set "host": {"type": "node"}.';
  if (environment !== undefined && config.environments[environment] === undefined)
    return `environments has no ${environment}: add {"domain": "…"} to stagedoor.config.json, or choose another with --env.`;
  const unfilled = environment === undefined ? [] : placeholdersOf(deployment, environment);
  if (unfilled.length > 0) return unfilledValues(unfilled);
  const folders = [...rootsOf(config, environment)].map(([name, path]) => [name, resolve(folder, path)] as const);
  const absent = folders.find(([, path]) => !statSync(path, { throwIfNoEntry: false })?.isDirectory());
  if (absent !== undefined)
    return `origins.${absent[0]}.folder: there is no folder ${absent[1]}. Make it, or correct it in stagedoor.config.json.`;
  const usedPort = await portFault({ "--port": options.port, "--media-port": options.mediaPort });
  if (usedPort !== undefined) return usedPort;

  const ring = environment === undefined ? await devKeyRing(folder) : readRing(folder, environment, options.ring);
  if (typeof ring === "string") return ring;
  const secrets = secretsFor(folder, deployment, options);
  const missing = neededSecrets(config, environment).filter((name) => !(name in secrets));
  if (missing.length > 0)
    return `These secrets have no value: ${missing.join(", ")}. Add a line NAME=value for each to ${secretsFile(environment)}; \`npx stagedoor secrets new --env ${environment ?? "development"}\` makes that file.`;
  const { apiUrl, mediaUrl } = environment === undefined ? addressesAt(options) : addressesOf(config, environment);
  const settings = (worker: WorkerName) => ({
    STAGEDOOR_ENV: environment ?? "development",
    STAGEDOOR_API_URL: apiUrl,
    STAGEDOOR_MEDIA_URL: mediaUrl,
    STAGEDOOR_KEYS: JSON.stringify(ringFor(worker, ring)),
    ...settingsFor(worker, config, environment),
    ...(worker === "api" ? apiSecrets(deployment, ring, secrets, environment) : {}),
  });
  const configurations = readAll(settings);
  if (typeof configurations === "string") return configurations;
  const file = resolve(folder, options.data ?? `data/${environment ?? "development"}.sqlite`);
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  console.log(`Starting the service of ${config.name} (${environment ?? "development"}) …`);
  // SQLite makes files of its own next to the database.
  process.umask(0o077);
  const accounts = await accountsOf(folder, config, { environment, apiUrl, secrets, file });
  if (typeof accounts === "string") return accounts;
  const log: Log = (line) => console.log(line);
  const configuration = configurations.edge;
  const stores = await storesOf(config, { environment, secrets, configuration, file, servesApi: true, log });
  if (typeof stores === "string") return stores;
  if (existsSync(file)) chmodSync(file, 0o600);
  await seedCatalog(stores.catalog, deployment, options);
  const running = await nodeHost({
    configurations,
    stores,
    accounts,
    origin: originsFor(folder, deployment, configurations.edge, { environment, secrets, ...host }),
    roots: [...rootsOf(config, environment).keys()],
    fetch: (input, init) => fetch(input, init),
    log,
  });
  if (!running.ok) return ["The configuration is invalid:", ...running.refusal].join("\n  ");

  const trustedProxies = proxiesOf(host.trustedProxies);
  const { api, media, waitUntil } = running.value;
  const apiFront = { publicUrl: apiUrl, answer: api, waitUntil, trustedProxies };
  const mediaFront = { publicUrl: mediaUrl, answer: media, waitUntil, trustedProxies };
  const fronts = [
    { server: httpFront(() => apiFront), port: options.port },
    { server: httpFront(() => mediaFront), port: options.mediaPort },
  ];
  await Promise.all(fronts.map(({ server, port }) => listenOn(server, port, options.address)));
  stopOnSignals(async () => {
    await Promise.all(fronts.map(({ server }) => drain(server, drainTimeout)));
    await running.value.close();
  });
  console.log(await readyText(deployment, ring, { ...options, apiUrl, mediaUrl, file }));
  return new Promise(() => undefined);
}

/** The secrets without which the service does not start. Accounts on this machine have one of their own. */
function neededSecrets(config: DeploymentConfig, environment: EnvironmentName | undefined): readonly string[] {
  const accounts = config.identity.worker && environment !== undefined ? ["STAGEDOOR_IDENTITY_SECRET"] : [];
  return [...accounts, ...namedSecrets(config, environment)];
}

function secretsFile(environment: EnvironmentName | undefined): string {
  return environment === undefined ? developmentSecrets : `secrets-${environment}.env`;
}

/** The key ring of an environment, or why it cannot be read. */
function readRing(folder: string, environment: EnvironmentName, option: string | undefined): KeyRing | string {
  const file = option === undefined ? join(folder, `keys-${environment}.json`) : resolve(option);
  if (!existsSync(file))
    return `There is no key ring ${file}. Make one: \`npx stagedoor keys new --purpose session --ring keys-${environment}.json\`.`;
  if ((statSync(file).mode & 0o077) !== 0) return `Other users can read the keys in ${file}: run chmod 600 ${file}.`;
  return parseRingText(file, readText(file, "the key ring"));
}

function secretsFor(folder: string, { config }: Deployment, { environment, secrets }: ServeOptions) {
  const standard = join(folder, secretsFile(environment));
  if (secrets === undefined && !existsSync(standard)) return {};
  return readSecretsFile(secrets ?? standard, config);
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
): Readonly<Record<WorkerName, Configuration>> | string {
  const [api, manifest, edge] = workerNames.map((worker) => readConfiguration(settings(worker)));
  if (api?.ok && manifest?.ok && edge?.ok) return { api: api.value, manifest: manifest.value, edge: edge.value };
  const errors = [api, manifest, edge].flatMap((read) => (read === undefined || read.ok ? [] : read.refusal));
  return ["The configuration is invalid:", ...new Set(errors)].join("\n  ");
}

/** The origins of all assets: folders of this machine, and HTTP and S3 with the secrets of the file. */
function originsFor(
  folder: string,
  { config }: Deployment,
  { originSecrets }: Configuration,
  {
    environment,
    secrets,
    privateOrigins,
  }: {
    readonly environment: EnvironmentName | undefined;
    readonly secrets: Readonly<Record<string, string>>;
    readonly privateOrigins: readonly string[];
  },
): Origin {
  const roots = new Map([...rootsOf(config, environment)].map(([name, path]) => [name, resolve(folder, path)]));
  return originOf({
    r2: async ({ asset }) => refusal("configuration_invalid", `${asset.id}: an origin of the type r2 needs Cloudflare`),
    file: fileOrigin(roots),
    http: httpOrigin({
      fetch: guardedFetch(privateOrigins),
      secretOf: (name) => secrets[name],
      originSecrets,
      clock: systemClock,
    }),
  });
}

/** Writes the assets of the file to the catalog: to an empty one, or in place of what it has. */
async function seedCatalog(catalog: CatalogText, deployment: Deployment, options: ServeOptions): Promise<void> {
  const text = JSON.stringify(catalogOf(deployment, options.environment), null, 2);
  if (options.replacesCatalog) await catalog.save(text);
  // Another process may have written its assets first.
  else await catalog.replace(text, undefined);
}

function proxiesOf(texts: readonly string[]): readonly IpNetwork[] {
  return texts.flatMap((text) => parseNetwork(text) ?? []);
}

interface Running extends ServeOptions {
  readonly apiUrl: string;
  readonly mediaUrl: string;
  readonly file: string;
}

async function readyText(
  { config }: Deployment,
  ring: KeyRing,
  { environment, apiUrl, mediaUrl, file, address, port, mediaPort }: Running,
): Promise<string> {
  const lines = `
  API         ${apiUrl} (listens on ${address}:${port})
  Media host  ${mediaUrl} (listens on ${address}:${mediaPort})
  Console     ${apiUrl}/console
  Stores      ${file}`;
  if (environment !== undefined) return `${lines}\n\nReady. Ctrl-C stops it.`;
  const { token, operator } = await localCredentials(ring);
  const body = JSON.stringify({ asset: config.assets[0]?.id ?? "film" });
  return `${lines}

  A bearer token (8 h, all assets, this machine only):

${token}

  An operator's credential, to sign in to the console (8 h, this machine only):

${operator}

  Try it:

curl -s ${apiUrl}/stream/start -H 'Content-Type: application/json' -d '${body}' -H 'Authorization: Bearer ${token}'

Ready. Ctrl-C stops it.`;
}
