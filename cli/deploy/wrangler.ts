import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readConfiguration } from "../../src/config/configuration.ts";
import { readIdentityConfiguration } from "../../src/config/identity-configuration.ts";
import { projectRoot } from "../lib/project.ts";
import { readWorkerFile } from "../lib/worker-files.ts";
import type { Asked, Secrets, Step } from "./steps.ts";
import { type DeployedWorker, order } from "./workers.ts";

const installed = join(projectRoot, "node_modules/wrangler/bin/wrangler.js");

/**
 * Calls wrangler for a step, its output on our own, and gives back its exit code. Secrets go by a file that its owner alone
 * can read, in a folder that is gone when wrangler has ended: a command line is there for every process to see.
 */
export async function callWrangler({ words, secrets }: Step, wrangler: string = installed): Promise<number> {
  if (secrets === undefined) return run(wrangler, words);
  const folder = mkdtempSync(join(tmpdir(), "stagedoor-deploy-"));
  // Ctrl-C reaches wrangler as well: once that has ended, the folder goes.
  const wait = () => undefined;
  process.on("SIGINT", wait);
  try {
    const file = join(folder, "secrets.json");
    writeFileSync(file, JSON.stringify(secrets.values), { mode: 0o600 });
    return await run(wrangler, [...words, ...(secrets.option === undefined ? [] : [secrets.option]), file]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
    process.off("SIGINT", wait);
  }
}

function run(wrangler: string, words: readonly string[]): Promise<number> {
  return new Promise((done, failed) => {
    const child = spawn(process.execPath, [wrangler, ...words], { cwd: projectRoot, stdio: "inherit" });
    child.once("error", failed);
    child.once("exit", (code) => done(code ?? 1));
  });
}

type Vars = Readonly<Record<string, unknown>>;

/**
 * What a worker would refuse its configuration for, each as a sentence: its variables with the secrets that it is to be given, by the
 * same reading as its own. A secret that it has already is not known here, so what is missing of those is no fault.
 */
export function refusedBy(worker: DeployedWorker, vars: Vars, secrets: Secrets): readonly string[] {
  const environment = { ...vars, ...secrets };
  const read = worker === "identity" ? readIdentityConfiguration(environment) : readConfiguration(environment);
  if (read.ok) return [];
  const kept = ["STAGEDOOR_KEYS", "STAGEDOOR_IDENTITY_SECRET"].filter((name) => !(name in environment));
  return read.refusal.filter((fault) => !kept.some((name) => fault.startsWith(`${name}:`)));
}

/** The same of all workers that a deployment gives secrets to, before the first is given any. */
export async function refusedOf({ environment, workers, secrets }: Asked): Promise<readonly string[]> {
  const given = order.filter((worker) => workers.includes(worker) && secrets[worker] !== undefined);
  const found = given.map(async (worker) => {
    const file = await readWorkerFile(projectRoot, worker, environment);
    const faults = file.ok ? refusedBy(worker, file.value.vars, secrets[worker] ?? {}) : [file.refusal];
    return faults.map((fault) => `  ${worker}: ${fault}`);
  });
  return (await Promise.all(found)).flat();
}
