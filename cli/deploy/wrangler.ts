import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { readConfiguration } from "../../src/config/configuration.ts";
import { readIdentityConfiguration } from "../../src/config/identity-configuration.ts";
import { endFailed } from "../lib/command.ts";
import { installs } from "../lib/peers.ts";
import { packageRoot, projectRoot } from "../lib/project.ts";
import { readWorkerFile, type WorkerKind } from "../lib/worker-files.ts";
import type { DeployRequest, Secrets, Step } from "./steps.ts";
import { deployOrder } from "./workers.ts";

/** wrangler as it is installed for a folder: in it or above it, otherwise next to this package. */
export function wranglerFor(folder: string): string {
  for (const start of [folder, packageRoot])
    for (let parent = start; ; parent = dirname(parent)) {
      const file = join(parent, "node_modules/wrangler/bin/wrangler.js");
      if (existsSync(file)) return file;
      if (parent === dirname(parent)) break;
    }
  return endFailed(`wrangler is not installed: ${installs("wrangler")}`);
}

/**
 * Calls wrangler for a step and returns its exit code. Secrets are passed in a file that only the owner can read, in a folder
 * that is deleted afterwards: other processes can read a command line.
 */
export async function callWrangler(
  { words, secrets }: Step,
  wrangler: string = wranglerFor(projectRoot),
  cwd: string = projectRoot,
): Promise<number> {
  if (secrets === undefined) return run(wrangler, cwd, words);
  const folder = mkdtempSync(join(tmpdir(), "stagedoor-deploy-"));
  // On Ctrl-C wrangler ends by itself. This process must live on to delete the folder.
  const ignore = () => undefined;
  process.on("SIGINT", ignore);
  try {
    const file = join(folder, "secrets.json");
    writeFileSync(file, JSON.stringify(secrets.values), { mode: 0o600 });
    return await run(wrangler, cwd, [...words, ...(secrets.option === undefined ? [] : [secrets.option]), file]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
    process.off("SIGINT", ignore);
  }
}

function run(wrangler: string, cwd: string, words: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    // Standard output is for the result, in one JSON object with --json: wrangler's lines are progress.
    const child = spawn(process.execPath, [wrangler, ...words], { cwd, stdio: ["inherit", 2, "inherit"] });
    child.once("error", reject);
    child.once("exit", (code) => resolve(code ?? 1));
  });
}

type Vars = Readonly<Record<string, unknown>>;

/**
 * The errors of a worker's configuration with its new secrets, by the worker's own code. The secrets that it has already are
 * unknown here, so a missing secret is not an error.
 */
export function configurationErrors(worker: WorkerKind, vars: Vars, secrets: Secrets): readonly string[] {
  const environment = { ...vars, ...secrets };
  const read = worker === "identity" ? readIdentityConfiguration(environment) : readConfiguration(environment);
  if (read.ok) return [];
  const unknown = ["STAGEDOOR_KEYS", "STAGEDOOR_IDENTITY_SECRET"].filter((name) => !(name in environment));
  return read.refusal.filter((error) => !unknown.some((name) => error.startsWith(`${name}:`)));
}

/** The configuration errors of all workers that would get secrets. */
export async function secretErrors({
  environment,
  workers,
  secrets,
  folder = projectRoot,
}: DeployRequest): Promise<readonly string[]> {
  const receivers = deployOrder.filter((worker) => workers.includes(worker) && secrets[worker] !== undefined);
  const errors = receivers.map(async (worker) => {
    const file = await readWorkerFile(folder, worker, environment);
    const messages = file.ok ? configurationErrors(worker, file.value.vars, secrets[worker] ?? {}) : [file.refusal];
    return messages.map((message) => `  ${worker}: ${message}`);
  });
  return (await Promise.all(errors)).flat();
}
