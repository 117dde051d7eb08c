import { projectRoot } from "../lib/project.ts";
import { verifiersFirst, type WorkerKind, workerFile } from "../lib/worker-files.ts";
import { type DeployedEnvironment, deployOrder } from "./workers.ts";

/** The secrets of one worker, by name. */
export type Secrets = Readonly<Record<string, string>>;

/** One call of wrangler. */
export interface Step {
  readonly worker: WorkerKind;
  /** Such as "the edge worker". */
  readonly name: string;
  /** The arguments of `npx wrangler`. */
  readonly words: readonly string[];
  /** The secrets to set. The name of a file with them, after the option if there is one, follows the words. */
  readonly secrets?: { readonly option: "--secrets-file" | undefined; readonly values: Secrets } | undefined;
  /** Whether a dry run calls wrangler; otherwise it only prints the step. */
  readonly dry: boolean;
}

export interface DeployRequest {
  /** The folder of a deployment; by default this project. */
  readonly folder?: string;
  readonly environment: DeployedEnvironment;
  /** All workers, or all except the identity worker if the project has its own identity provider. */
  readonly workers: readonly WorkerKind[];
  readonly secrets: Readonly<Partial<Record<WorkerKind, Secrets>>>;
  readonly dryRun: boolean;
  /** Set secrets of deployed workers, and deploy nothing. */
  readonly secretsOnly: boolean;
}

/** The calls of wrangler for a request, in order. */
export function stepsOf(request: DeployRequest): readonly Step[] {
  const isIncluded = (worker: WorkerKind) => request.workers.includes(worker);
  if (request.secretsOnly) return verifiersFirst.filter(isIncluded).flatMap((worker) => setSecrets(request, worker));
  return deployOrder
    .filter(isIncluded)
    .flatMap((worker) => [...(worker === "identity" ? [migrate(request)] : []), deploy(request, worker)]);
}

function deploy(request: DeployRequest, worker: WorkerKind): Step {
  const { secrets, dryRun } = request;
  const values = secrets[worker];
  return {
    worker,
    name: `the ${worker} worker`,
    words: ["deploy", ...(dryRun ? ["--dry-run"] : []), ...target(request, worker)],
    // Cloudflare refuses a first request without its required secrets. A dry run needs none.
    secrets: values === undefined || dryRun ? undefined : { option: "--secrets-file", values },
    dry: true,
  };
}

/** Tables are migrated before the code that needs them. Old code works with new tables, because they only grow. */
function migrate(request: DeployRequest): Step {
  const words = ["d1", "migrations", "apply", "DB", "--remote", ...target(request, "identity")];
  return { worker: "identity", name: "the identity worker's tables", words, dry: false };
}

function setSecrets(request: DeployRequest, worker: WorkerKind): readonly Step[] {
  const values = request.secrets[worker];
  if (values === undefined) return [];
  const words = ["secret", "bulk", ...target(request, worker)];
  return [
    { worker, name: `secrets of the ${worker} worker`, words, secrets: { option: undefined, values }, dry: false },
  ];
}

function target({ environment, folder = projectRoot }: DeployRequest, worker: WorkerKind): readonly string[] {
  return ["--env", environment, "-c", workerFile(folder, worker)];
}
