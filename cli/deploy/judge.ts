import { readConfiguration } from "../../src/config/configuration.ts";
import { readIdentityConfiguration } from "../../src/config/identity-configuration.ts";
import { readWorkerFile } from "../doctor/worker-files.ts";
import { projectRoot } from "../project.ts";
import type { Asked, Secrets } from "./steps.ts";
import { type DeployedWorker, order } from "./workers.ts";

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
