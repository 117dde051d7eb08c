import { configs, type DeployedEnvironment, type DeployedWorker, order, verifiersFirst } from "./workers.ts";

/** Secrets by name, for one worker. */
export type Secrets = Readonly<Record<string, string>>;

/** One call of wrangler. */
export interface Step {
  readonly worker: DeployedWorker;
  readonly what: string;
  /** The arguments of `npx wrangler`. */
  readonly words: readonly string[];
  /** What it is to set; a file with them is named behind the words. */
  readonly secrets?: { readonly option: "--secrets-file" | undefined; readonly values: Secrets } | undefined;
  /** False for what a dry run tells of and does not call. */
  readonly dry: boolean;
}

export interface Asked {
  readonly environment: DeployedEnvironment;
  /** The workers that are deployed: without an identity provider of one's own, all. */
  readonly workers: readonly DeployedWorker[];
  readonly secrets: Readonly<Partial<Record<DeployedWorker, Secrets>>>;
  readonly dryRun: boolean;
  /** Set the secrets of the workers that run already, and deploy nothing. */
  readonly secretsOnly: boolean;
}

/** What is to be called for a deployment, in order. */
export function stepsOf(asked: Asked): readonly Step[] {
  const isAsked = (worker: DeployedWorker) => asked.workers.includes(worker);
  if (asked.secretsOnly) return verifiersFirst.filter(isAsked).flatMap((worker) => setSecrets(asked, worker));
  return order
    .filter(isAsked)
    .flatMap((worker) => (worker === "identity" ? [migrate(asked), deploy(asked, worker)] : [deploy(asked, worker)]));
}

function deploy({ environment, secrets, dryRun }: Asked, worker: DeployedWorker): Step {
  const values = secrets[worker];
  return {
    worker,
    what: `the ${worker} worker`,
    words: ["deploy", ...(dryRun ? ["--dry-run"] : []), ...where(worker, environment)],
    // A first deployment is refused without them, and a dry run has no use for them.
    secrets: values === undefined || dryRun ? undefined : { option: "--secrets-file", values },
    dry: true,
  };
}

/** Tables are only ever added to, so they are there before the code that wants them. */
function migrate({ environment }: Asked): Step {
  const words = ["d1", "migrations", "apply", "DB", "--remote", ...where("identity", environment)];
  return { worker: "identity", what: "the identity worker's tables", words, dry: false };
}

function setSecrets({ environment, secrets }: Asked, worker: DeployedWorker): readonly Step[] {
  const values = secrets[worker];
  if (values === undefined) return [];
  const words = ["secret", "bulk", ...where(worker, environment)];
  return [
    { worker, what: `secrets of the ${worker} worker`, words, secrets: { option: undefined, values }, dry: false },
  ];
}

function where(worker: DeployedWorker, environment: DeployedEnvironment): readonly string[] {
  return ["--env", environment, "-c", configs[worker]];
}
