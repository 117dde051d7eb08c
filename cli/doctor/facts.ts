import { randomBytes } from "node:crypto";
import { statSync } from "node:fs";
import type { Result } from "../../src/base/result.ts";
import { systemClock, type UnixSeconds } from "../../src/base/time.ts";
import { type Catalog, parseCatalogText } from "../../src/catalog/catalog.ts";
import type { CatalogFault } from "../../src/catalog/catalog-fault.ts";
import { ringFor } from "../../src/config/configuration.ts";
import { newSessionKey } from "../../src/keys/generate.ts";
import { type KeyRing, parseKeyRing } from "../../src/keys/ring.ts";
import type { Given } from "../lib/command.ts";
import { devEnvironment, devIdentityEnvironment } from "../lib/dev-environment.ts";
import { devRingFile, parseJson, readRing, readText, shortName } from "../lib/files.ts";
import { fixtureCatalog, projectRoot } from "../lib/project.ts";
import { type DeployedWorker, readWorkerFile, type WorkerKind, workerFiles, workerKinds } from "../lib/worker-files.ts";

/** What the checks before a deployment look at: gathered once, and plain data from then on. */
export interface Facts {
  /** The name of the environment; "development" for the top level of the files. */
  readonly environment: string;
  readonly development: boolean;
  readonly workers: readonly DeployedWorker[];
  /** Files that wrangler does not read, and why. */
  readonly unreadable: readonly { readonly file: string; readonly why: string }[];
  /** The same workers in the other environments of their files. */
  readonly elsewhere: readonly { readonly environment: string; readonly worker: DeployedWorker }[];
  readonly ring:
    | { readonly file: string; readonly mode: number; readonly parsed: Result<KeyRing, readonly string[]> }
    | undefined;
  /** `where` is a file's name, or says which API it was read from. */
  readonly catalog: { readonly where: string; readonly parsed: Result<Catalog, readonly CatalogFault[]> } | undefined;
  /** Why the catalog that is live could not be read, in a sentence, where it was asked for. */
  readonly catalogUnread?: string | undefined;
  /** The text of STAGEDOOR_ISSUERS, where it was given. */
  readonly issuers: string | undefined;
  /** The addresses of the development workers. */
  readonly addresses: { readonly apiUrl: string; readonly mediaUrl: string };
  readonly now: UnixSeconds;
}

export function workerOf({ workers }: Pick<Facts, "workers">, kind: WorkerKind): DeployedWorker | undefined {
  return workers.find(({ worker }) => worker === kind);
}

export function soundRing({ ring }: Pick<Facts, "ring">): KeyRing | undefined {
  return ring?.parsed.ok === true ? ring.parsed.value : undefined;
}

export function soundCatalog({ catalog }: Pick<Facts, "catalog">): Catalog | undefined {
  return catalog?.parsed.ok === true ? catalog.parsed.value : undefined;
}

/** Stands for secrets that only Cloudflare knows; it is of a sound form, and no worker ever gets it. */
const unknownSecret = "unknown-secret-of-the-identity-worker";

/**
 * The environment of a worker as it is deployed: its settings, its part of the ring and the issuers. Where no sound ring was
 * given, a temporary key replaces it, so that the settings are checked all the same.
 */
export function environmentOf({ worker, vars }: DeployedWorker, facts: Facts): Readonly<Record<string, unknown>> {
  const { apiUrl, mediaUrl } = facts.addresses;
  const ring = soundRing(facts);
  if (worker === "identity") {
    if (facts.development) return { ...devIdentityEnvironment(apiUrl, unknownSecret, {}), ...vars };
    return { STAGEDOOR_IDENTITY_SECRET: unknownSecret, ...vars };
  }
  const issuers = worker === "api" && facts.issuers !== undefined ? { STAGEDOOR_ISSUERS: facts.issuers } : {};
  if (facts.development && ring !== undefined)
    return { ...devEnvironment(worker, ring, mediaUrl, { STAGEDOOR_API_URL: apiUrl }), ...issuers, ...vars };
  const addresses = facts.development
    ? { STAGEDOOR_ENV: "development", STAGEDOOR_MEDIA_URL: mediaUrl, STAGEDOOR_API_URL: apiUrl }
    : {};
  const keys = ring === undefined ? { keys: [newSessionKey("stand-in", randomBytes)] } : ringFor(worker, ring);
  return { ...addresses, STAGEDOOR_KEYS: JSON.stringify(keys), ...issuers, ...vars };
}

/** Reads what the checks before a deployment look at. A file that was named and cannot be read ends the command. */
export async function gatherFacts(given: Given, addresses: Facts["addresses"]): Promise<Facts> {
  const environment = given.one("env");
  const development = environment === undefined;
  const project = given.one("project") ?? projectRoot;
  const read = await readWorkers(project, environment);
  // Its own ring is made where there is none yet.
  if (development && given.one("ring") === undefined) await readRing(given);
  const ring = given.one("ring") ?? (development ? devRingFile : undefined);
  // Who names an API means its own catalog, which is read with an operator's credential.
  const catalog = given.one("catalog") ?? (development && given.one("api") === undefined ? fixtureCatalog : undefined);
  const issuers = given.one("issuers");
  return {
    environment: environment ?? "development",
    development,
    ...withoutUnusedIdentity(read),
    elsewhere: await readElsewhere(project, environment, read.workers),
    ring: ring === undefined ? undefined : readRingFile(ring),
    catalog:
      catalog === undefined
        ? undefined
        : { where: shortName(catalog), parsed: parseCatalogText(readText(catalog, "the catalog")) },
    issuers: issuers === undefined ? undefined : readText(issuers, "the issuers"),
    addresses,
    now: systemClock(),
  };
}

async function readWorkers(project: string, environment: string | undefined) {
  const workers: DeployedWorker[] = [];
  const unreadable: Facts["unreadable"][number][] = [];
  for (const kind of workerKinds) {
    const read = await readWorkerFile(project, kind, environment);
    if (read.ok) workers.push(read.value);
    else unreadable.push({ file: workerFiles[kind], why: read.refusal });
  }
  return { workers, unreadable };
}

/** A project with its own provider removes IDENTITY from the API's bindings, and does not deploy that worker. */
function withoutUnusedIdentity({ workers, unreadable }: Pick<Facts, "workers" | "unreadable">) {
  const api = workers.find(({ worker }) => worker === "api");
  const used = api === undefined || api.services.some(({ binding }) => binding === "IDENTITY");
  if (used) return { workers, unreadable };
  return {
    workers: workers.filter(({ worker }) => worker !== "identity"),
    unreadable: unreadable.filter(({ file }) => file !== workerFiles.identity),
  };
}

async function readElsewhere(
  project: string,
  environment: string | undefined,
  workers: readonly DeployedWorker[],
): Promise<Facts["elsewhere"]> {
  if (environment === undefined) return [];
  const found: Facts["elsewhere"][number][] = [];
  for (const { worker, environments } of workers)
    for (const other of environments.filter((name) => name !== environment)) {
      const read = await readWorkerFile(project, worker, other);
      if (read.ok) found.push({ environment: other, worker: read.value });
    }
  return found;
}

function readRingFile(file: string): Facts["ring"] {
  const text = readText(file, "the key ring");
  return { file, mode: statSync(file).mode, parsed: parseKeyRing(parseJson(text)) };
}

/**
 * The commands that upload a secret again. Each names the worker's own file and its environment: wrangler takes
 * the edge worker's top level for what is left out.
 */
export function handOver(name: string, files: readonly string[], { development, environment, ring }: Facts): string {
  if (development) return "restart `npm start`, which uploads it";
  const deploy = `npm run deploy -- --env ${environment}`;
  const ringFile = ring === undefined ? "<file>" : shortName(ring.file);
  if (name === "STAGEDOOR_KEYS") return `run \`${deploy} --ring ${ringFile} --secrets-only\``;
  if (name === "STAGEDOOR_ISSUERS") return `run \`${deploy} --issuers issuers.json --secrets-only\``;
  return `run ${files.map((file) => `\`npx wrangler secret put ${name} -c ${file} --env ${environment}\``).join(" and ")}`;
}
