import { randomBytes } from "node:crypto";
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { parseEnv } from "node:util";
import type { Result } from "../../src/base/result.ts";
import { systemClock, type UnixSeconds } from "../../src/base/time.ts";
import { type Catalog, parseCatalogText } from "../../src/catalog/catalog.ts";
import type { CatalogFault } from "../../src/catalog/catalog-fault.ts";
import { ringFor } from "../../src/config/configuration.ts";
import { settingsSchema } from "../../src/config/settings.ts";
import { configFile, type Deployment } from "../../src/deployment/config-schema.ts";
import { placeholderStart } from "../../src/deployment/placeholders.ts";
import { settingsFor } from "../../src/deployment/wrangler-config.ts";
import { newEdgeKey, newSessionKey } from "../../src/keys/generate.ts";
import { type KeyRing, parseKeyRing } from "../../src/keys/ring.ts";
import { type Args, endFailed, endMisused, shownWord } from "../lib/command.ts";
import { readDeployment } from "../lib/deployment-folder.ts";
import { devEnvironment, devIdentityEnvironment } from "../lib/dev-environment.ts";
import { devRingFile, parseJson, readRing, readText, shortName } from "../lib/files.ts";
import { defaultCatalog, deploymentFault, deployProgram, projectRoot, startProgram } from "../lib/project.ts";
import { closest } from "../lib/suggest.ts";
import { readWorkerFile, type WorkerConfig, type WorkerKind, workerFile, workerKinds } from "../lib/worker-files.ts";

/** The input of the offline checks: read once, and plain data. */
export interface Facts {
  /** The name of the environment; "development" for the top level of the files. */
  readonly environment: string;
  readonly development: boolean;
  /** The deployment that the workers' files are generated from; undefined for files of wrangler that their operator edits. */
  readonly deployment: Deployment | undefined;
  /** The folder of the deployment or clone. */
  readonly folder: string;
  /** The SQLite file of `serve`, if the command names it. */
  readonly data: string | undefined;
  /** In a deployment `file` is the file that its operator edits. */
  readonly workers: readonly WorkerConfig[];
  /** Files that wrangler cannot read, and its message. */
  readonly unreadable: readonly { readonly file: string; readonly why: string }[];
  /** The same workers in other environments of their files. */
  readonly elsewhere: readonly { readonly environment: string; readonly worker: WorkerConfig }[];
  readonly ring:
    | { readonly file: string; readonly mode: number; readonly parsed: Result<KeyRing, readonly string[]> }
    | undefined;
  /** `where` is the name of the file, or the API that it was read from. */
  readonly catalog: { readonly where: string; readonly parsed: Result<Catalog, readonly CatalogFault[]> } | undefined;
  /** Why the API's catalog could not be read, in a sentence. */
  readonly catalogUnread?: string | undefined;
  /** The text of --issuers, in the form of STAGEDOOR_ISSUERS. */
  readonly issuers: string | undefined;
  /** The file of the deployment's secrets, and what is wrong with STAGEDOOR_EDGE_SECRETS in it. Never the value. */
  readonly edgeSecrets?: { readonly file: string; readonly fault: string | undefined } | undefined;
  /** Whether that file has an access key for the writer of CloudFront's stores; undefined without the file. */
  readonly hasAccessKey?: boolean | undefined;
  /** The addresses of the development workers. */
  readonly addresses: { readonly apiUrl: string; readonly mediaUrl: string };
  readonly now: UnixSeconds;
}

export function workerOf({ workers }: Pick<Facts, "workers">, kind: WorkerKind): WorkerConfig | undefined {
  return workers.find(({ worker }) => worker === kind);
}

export function validRing({ ring }: Pick<Facts, "ring">): KeyRing | undefined {
  return ring?.parsed.ok === true ? ring.parsed.value : undefined;
}

export function validCatalog({ catalog }: Pick<Facts, "catalog">): Catalog | undefined {
  return catalog?.parsed.ok === true ? catalog.parsed.value : undefined;
}

/** A valid value in place of a secret that only Cloudflare has. No worker receives it. */
const placeholderSecret = "unknown-secret-of-the-identity-worker";

/**
 * The environment of a deployed worker: its settings, its part of the ring, and the issuers. Without a valid ring it has a
 * temporary key, so that the other settings are checked all the same.
 */
export function environmentOf({ worker, vars }: WorkerConfig, facts: Facts): Readonly<Record<string, unknown>> {
  const { apiUrl, mediaUrl } = facts.addresses;
  const ring = validRing(facts);
  if (worker === "identity") {
    if (facts.development) return { ...devIdentityEnvironment(apiUrl, placeholderSecret, {}), ...vars };
    return { STAGEDOOR_IDENTITY_SECRET: placeholderSecret, ...vars };
  }
  const issuers = worker === "api" && facts.issuers !== undefined ? { STAGEDOOR_ISSUERS: facts.issuers } : {};
  if (facts.development && ring !== undefined)
    return { ...devEnvironment(worker, ring, mediaUrl, { STAGEDOOR_API_URL: apiUrl }), ...issuers, ...vars };
  const addresses = facts.development
    ? { STAGEDOOR_ENV: "development", STAGEDOOR_MEDIA_URL: mediaUrl, STAGEDOOR_API_URL: apiUrl }
    : {};
  const keys =
    ring === undefined
      ? { keys: [newSessionKey("temporary", randomBytes), newEdgeKey("temporary-edge", randomBytes)] }
      : ringFor(worker, ring);
  return { ...addresses, STAGEDOOR_KEYS: JSON.stringify(keys), ...issuers, ...vars };
}

/** Reads the input of the offline checks. A named file that cannot be read ends the command. */
export async function gatherFacts(args: Args, addresses: Facts["addresses"]): Promise<Facts> {
  const environment = args.value("env");
  const development = environment === undefined;
  const project = args.value("project") ?? projectRoot;
  const absent = deploymentFault(project);
  if (absent !== undefined) endFailed(absent);
  if (environment !== undefined) await checkEnvironment(project, environment);
  const deployment = deploymentIn(project);
  const files = await readWorkers(project, environment);
  // The development ring is created if there is none.
  if (development && args.value("ring") === undefined) await readRing(args);
  const ring = args.value("ring") ?? (development ? devRingFile : ringOnNode(project, environment, deployment));
  // With --api the catalog is read from that API.
  const catalog =
    args.value("catalog") ?? (development && args.value("api") === undefined ? defaultCatalog : undefined);
  const issuers = args.value("issuers");
  return {
    environment: environment ?? "development",
    development,
    deployment,
    folder: project,
    data: args.value("data"),
    ...asEdited(withoutUnusedIdentity(files, project), { deployment, development }),
    elsewhere: await readOtherEnvironments(project, environment, files.workers),
    ring: ring === undefined ? undefined : readRingFile(ring),
    catalog:
      catalog === undefined
        ? undefined
        : { where: shortName(catalog), parsed: parseCatalogText(readText(catalog, "the catalog")) },
    issuers: issuers === undefined ? undefined : readText(issuers, "the issuers"),
    ...(deployment === undefined ? {} : readSecrets(project, environment)),
    addresses,
    now: systemClock(),
  };
}

function readSecrets(project: string, environment = "development"): Pick<Facts, "edgeSecrets" | "hasAccessKey"> {
  const name = `secrets-${environment}.env`;
  const file = join(project, name);
  if (!existsSync(file)) return {};
  const secrets = parseEnv(readText(file, "the secrets"));
  const isSet = (value: string | undefined) =>
    value !== undefined && value !== "" && !value.startsWith(placeholderStart);
  const value = secrets.STAGEDOOR_EDGE_SECRETS;
  const parsed = settingsSchema.shape.STAGEDOOR_EDGE_SECRETS.safeParse(value);
  const why = parsed.success ? undefined : `is invalid (${parsed.error.issues[0]?.message})`;
  return {
    edgeSecrets: { file: name, fault: isSet(value) ? why : "has no value" },
    hasAccessKey: isSet(secrets.STAGEDOOR_AWS_KEY_ID) && isSet(secrets.STAGEDOOR_AWS_SECRET_KEY),
  };
}

/** The ring that `npx stagedoor serve` reads. */
function ringOnNode(project: string, environment: string, deployment: Deployment | undefined): string | undefined {
  const file = join(project, `keys-${environment}.json`);
  return isOnNode(deployment) && existsSync(file) ? file : undefined;
}

/** Whether `npx stagedoor serve` runs the deployment. */
export function isOnNode(deployment: Deployment | undefined): boolean {
  return deployment?.config.host.type === "node";
}

/** Ends the command if no worker's file has the environment: otherwise every file would have the same fault. */
async function checkEnvironment(project: string, environment: string): Promise<void> {
  const files = await Promise.all(workerKinds.map((kind) => readWorkerFile(project, kind, undefined)));
  const names = [...new Set(files.flatMap((file) => (file.ok ? file.value.environments : [])))];
  const [first] = names;
  if (first === undefined || names.includes(environment)) return;
  const next = closest(environment, names) ?? "<environment>";
  endMisused(
    `--env must be ${names.join(" or ")}, not ${shownWord(environment)}: npx stagedoor doctor --env ${next}. Without --env, the configuration of development is checked.`,
  );
}

async function readWorkers(project: string, environment: string | undefined) {
  const workers: WorkerConfig[] = [];
  const unreadable: Facts["unreadable"][number][] = [];
  for (const kind of workerKinds) {
    const config = await readWorkerFile(project, kind, environment);
    if (config.ok) workers.push(config.value);
    else unreadable.push({ file: workerFile(project, kind), why: config.refusal });
  }
  return { workers, unreadable };
}

/** A project with its own identity provider removes the API's binding IDENTITY, and does not deploy that worker. */
function withoutUnusedIdentity({ workers, unreadable }: Pick<Facts, "workers" | "unreadable">, project: string) {
  const api = workers.find(({ worker }) => worker === "api");
  const isUsed = api === undefined || api.services.some(({ binding }) => binding === "IDENTITY");
  if (isUsed) return { workers, unreadable };
  return {
    workers: workers.filter(({ worker }) => worker !== "identity"),
    unreadable: unreadable.filter(({ file }) => file !== workerFile(project, "identity")),
  };
}

function deploymentIn(project: string): Deployment | undefined {
  if (!existsSync(join(project, configFile))) return undefined;
  const read = readDeployment(project);
  return read.ok ? read.value : endFailed(read.refusal);
}

/** Findings name the deployment's file in place of the generated ones, which have no settings for this machine. */
function asEdited(
  { workers, unreadable }: Pick<Facts, "workers" | "unreadable">,
  { deployment, development }: Pick<Facts, "deployment" | "development">,
): Pick<Facts, "workers" | "unreadable"> {
  if (deployment === undefined) return { workers, unreadable };
  const settings = (worker: WorkerKind) => settingsFor(worker, deployment.config, undefined);
  return {
    workers: workers.map((config) => ({
      ...config,
      file: configFile,
      ...(development ? { vars: settings(config.worker) } : {}),
    })),
    unreadable: unreadable.map(({ why }) => ({ file: configFile, why })),
  };
}

/** Where the settings of an environment are. */
export function settingsPlace({ deployment, development, environment }: Facts): string {
  if (deployment === undefined) return development ? "[vars]" : `[env.${environment}.vars]`;
  return development ? "`settings`" : `\`settings\` or \`environments.${environment}.settings\``;
}

async function readOtherEnvironments(
  project: string,
  environment: string | undefined,
  workers: readonly WorkerConfig[],
): Promise<Facts["elsewhere"]> {
  if (environment === undefined) return [];
  const others: Facts["elsewhere"][number][] = [];
  for (const { worker, environments } of workers)
    for (const other of environments.filter((name) => name !== environment)) {
      const config = await readWorkerFile(project, worker, other);
      if (config.ok) others.push({ environment: other, worker: config.value });
    }
  return others;
}

function readRingFile(file: string): Facts["ring"] {
  const text = readText(file, "the key ring");
  return { file, mode: statSync(file).mode, parsed: parseKeyRing(parseJson(text)) };
}

/**
 * The commands that upload a secret again. Each names the worker's file and the environment: without them, wrangler
 * would use the top level of the edge worker's file.
 */
export function uploadAdvice(
  name: string,
  files: readonly string[],
  { deployment, development, environment, ring }: Facts,
): string {
  if (isOnNode(deployment)) return "reload the service: send SIGHUP to the process of `npx stagedoor serve`";
  if (development) return `restart \`${startProgram}\``;
  const deploy = `${deployProgram} --env ${environment}`;
  const ringFile = ring === undefined ? "<file>" : shortName(ring.file);
  if (name === "STAGEDOOR_KEYS") return `run \`${deploy} --ring ${ringFile} --secrets-only\``;
  if (deployment !== undefined) return `run \`${deploy} --secrets secrets-${environment}.env --secrets-only\``;
  if (name === "STAGEDOOR_ISSUERS") return `run \`${deploy} --issuers issuers.json --secrets-only\``;
  return `run ${files.map((file) => `\`npx wrangler secret put ${name} -c ${file} --env ${environment}\``).join(" and ")}`;
}
