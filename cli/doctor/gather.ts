import { statSync } from "node:fs";
import { systemClock } from "../../src/base/seconds.ts";
import { parseCatalogText } from "../../src/catalog/catalog.ts";
import { parseKeyRing } from "../../src/keys/ring.ts";
import type { Given } from "../commands/command.ts";
import { devRingFile, parseJson, readRing, readText, shortName } from "../commands/files.ts";
import { fixtureCatalog, projectRoot } from "../project.ts";
import type { Facts } from "./facts.ts";
import { type DeployedWorker, readWorkerFile, workerFiles, workerKinds } from "./worker-files.ts";

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

/** Who has a provider of his own takes IDENTITY out of the API's bindings, and does not deploy that worker. */
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
