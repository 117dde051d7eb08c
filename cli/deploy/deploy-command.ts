import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { catalogOf } from "../../src/deployment/catalog-of.ts";
import {
  configFile,
  type Deployment,
  type EnvironmentName,
  environmentNames,
} from "../../src/deployment/config-schema.ts";
import {
  addressesOf,
  hasStores,
  issuerSecretsOf,
  type Placeholder,
  placeholdersOf,
  secretsOfWorker,
  workersOf,
} from "../../src/deployment/wrangler-config.ts";
import {
  type Args,
  type Command,
  endFailed,
  endInvalid,
  endMisused,
  type Outcome,
  type Progress,
  succeeded,
} from "../lib/command.ts";
import { generateFiles, unfilledValues, workersOnly } from "../lib/deployment-folder.ts";
import { shortName } from "../lib/files.ts";
import { requireStoreClient } from "../lib/peers.ts";
import { generatedFolder, inDeployment, projectRoot } from "../lib/project.ts";
import { readSecretsFile } from "../lib/secrets-file.ts";
import { workerFile } from "../lib/worker-files.ts";
import { deployClone, doneJson, runSteps } from "./deploy.ts";
import { keysOf, type SecretsOfWorkers } from "./secrets.ts";
import { type DeployRequest, type Step, stepsOf } from "./steps.ts";
import { createStores, hasCatalog } from "./stores.ts";
import { deployOrder } from "./workers.ts";
import { secretErrors, wranglerFor } from "./wrangler.ts";

export const deployCommand: Command = {
  name: "deploy",
  summary: "deploy the workers of this folder",
  operands: [],
  options: {
    env: { type: "string" },
    ring: { type: "string" },
    secrets: { type: "string" },
    issuers: { type: "string" },
    "secrets-only": { type: "boolean" },
    create: { type: "boolean" },
    catalog: { type: "boolean" },
    "dry-run": { type: "boolean" },
  },
  help: `Deploys the workers with wrangler, one after another: manifest, edge, identity (with its tables, if there is one), API. It stops at
the first failure: earlier workers are deployed, later ones are unchanged. Run the same command again to continue.

  --env <environment>  an environment of stagedoor.config.json: staging or production
  --create             create the KV namespace, the buckets and the database that are missing, and write their ids into
                       stagedoor.config.json
  --ring <file>        the key ring: uploads to each worker its part (first deployment, new keys)
  --secrets <file>     the file of npx stagedoor secrets new: uploads to each worker the secrets that it uses
  --secrets-only       upload to workers that run already, and deploy nothing
  --catalog            replace the deployed catalog by the assets of stagedoor.config.json
  --dry-run            build each worker and upload nothing; exit with 1 if something is not filled in
  --issuers <file>     only in a clone: STAGEDOOR_ISSUERS; in a deployment's folder they are in identity.issuers

If identity.issuers contains secrets, its changes are uploaded only with --secrets; without it, a note says so.
A namespace without a catalog gets the file's assets. If a worker would refuse its configuration, or a value is not filled in, the
errors are reported, nothing is created and nothing is uploaded.`,
  run: async (args, progress) => {
    if (inDeployment) return deployFolder(args, projectRoot, progress);
    for (const option of ["create", "catalog"])
      if (args.flag(option))
        endMisused(
          `--${option} needs a stagedoor.config.json: make a deployment's folder with \`npx stagedoor init <folder>\`.`,
        );
    const values = ["env", "ring", "secrets", "issuers"].flatMap((name) => {
      const value = args.value(name);
      return value === undefined ? [] : [`--${name}`, value];
    });
    const flags = ["secrets-only", "dry-run"].flatMap((name) => (args.flag(name) ? [`--${name}`] : []));
    return deployClone([...values, ...flags], progress);
  },
};

/**
 * Everything that can be checked here is checked before the first store is created. Each step can be repeated, so a command that
 * stopped is continued by the same command.
 */
async function deployFolder(args: Args, folder: string, progress: Progress): Promise<Outcome> {
  const deployment = generated(folder);
  const hostFault = workersOnly("npx stagedoor deploy", deployment);
  if (hostFault !== undefined) endFailed(hostFault);
  const wrangler = { folder, wrangler: wranglerFor(folder), progress };
  const request = readRequest(args, folder, deployment);
  const { environment, dryRun, secretsOnly } = request;
  const creates = args.flag("create") && !dryRun;
  const unfilled = placeholdersOf(deployment, environment);
  const blocking = creates ? unfilled.filter(({ isCreated }) => !isCreated) : unfilled;
  if (blocking.length > 0 && !dryRun) endFailed(`Nothing was deployed. ${unfilledText(blocking, environment)}`);
  if (hasStores(deployment.config) && !secretsOnly) await requireStoreClient();
  const errors = await secretErrors(request);
  if (errors.length > 0)
    endFailed(
      `Nothing was deployed. With these secrets the workers would refuse every request (configuration_invalid):\n${errors.join("\n")}`,
    );
  const workerSteps = stepsOf(request);
  if (workerSteps.length === 0) endFailed("There are no secrets to upload: give --ring or --secrets.");
  if (creates) {
    const created = await createStores(deployment, environment, wrangler);
    progress(created.length === 0 ? "Every store exists." : `Created ${created.join(", ")}.`);
    generated(folder);
  }
  const writesCatalog = args.flag("catalog") || (!secretsOnly && !dryRun && !(await hasCatalog(wrangler, environment)));
  const steps = [...workerSteps, ...(writesCatalog ? [catalogStep(deployment, request)] : [])];
  const failure = await runSteps(steps, dryRun, { wrangler: wrangler.wrangler, cwd: folder, progress });
  if (failure !== undefined) endFailed(failure);
  if (unfilled.length > 0 && dryRun)
    endFailed(`Every worker builds. Nothing was uploaded. ${unfilledText(unfilled, environment)}`);
  const { apiUrl } = addressesOf(deployment.config, environment);
  const next = dryRun
    ? `Nothing was uploaded, and everything is filled in. Next:\n  npx stagedoor deploy --env ${environment}${args.value("ring") === undefined ? ` (the first time with --ring keys-${environment}.json --secrets secrets-${environment}.env)` : ""}`
    : `The API is ${apiUrl}. Next:\n  npx stagedoor doctor --env ${environment}`;
  const kept = keptIssuers(args, deployment, request);
  return succeeded(`Done. ${next}`, { ...doneJson(request, steps), issuersKept: kept !== undefined }, kept);
}

/**
 * A list of issuers with secrets is a secret itself, which a deployment without their values leaves as it is. An operator who removed
 * an issuer must know that it is still trusted. Undefined if the list is up to date.
 */
function keptIssuers(args: Args, { config }: Deployment, request: DeployRequest): string | undefined {
  const { environment, secrets } = request;
  const names = issuerSecretsOf(config);
  if (names.length === 0 || secrets.api?.STAGEDOOR_ISSUERS !== undefined) return undefined;
  const file = args.value("secrets");
  const why = file === undefined ? "without --secrets" : `without the value of each in ${shortName(file)}`;
  return `The list of issuers was not uploaded: identity.issuers contains secrets (${names.join(", ")}), and this deployment is ${why}.
The API trusts the issuers of the last upload, whatever ${configFile} says now. If identity.issuers changed, run:
  npx stagedoor deploy --env ${environment} --secrets-only --secrets ${file ?? `secrets-${environment}.env`}`;
}

function readRequest(args: Args, folder: string, deployment: Deployment): DeployRequest {
  const environment = readEnvironment(args, deployment);
  if (args.value("issuers") !== undefined)
    endMisused(`--issuers is for a clone: write the entries into identity.issuers of ${configFile}.`);
  for (const option of ["create", "catalog"])
    if (args.flag(option) && args.flag("secrets-only")) endMisused(`Give only one of --${option} and --secrets-only.`);
  const workers = workersOf(deployment.config);
  return {
    folder,
    environment,
    workers: deployOrder.filter((worker) => workers.includes(worker)),
    secrets: secretsFrom(args, deployment),
    dryRun: args.flag("dry-run"),
    secretsOnly: args.flag("secrets-only"),
  };
}

function generated(folder: string): Deployment {
  const files = generateFiles(folder);
  return files.ok ? files.value : endFailed(files.refusal);
}

function readEnvironment(args: Args, { config }: Deployment) {
  const configured = environmentNames.filter((name) => config.environments[name] !== undefined);
  const given =
    args.value("env") ??
    endMisused(`--env is missing: give ${configured.join(" or ")}, npx stagedoor deploy --env <environment>.`);
  return (
    configured.find((name) => name === given) ??
    endInvalid("env", given, `${configured.join(" or ")}, the environments of ${configFile}`)
  );
}

function unfilledText(placeholders: readonly Placeholder[], environment: EnvironmentName): string {
  const creates = placeholders.some(({ isCreated }) => isCreated)
    ? `\n\`npx stagedoor deploy --env ${environment} --create\` creates the stores and fills in their ids.`
    : "";
  return `${unfilledValues(placeholders)}${creates}`;
}

function secretsFrom(args: Args, { config }: Deployment): SecretsOfWorkers {
  const ring = args.value("ring");
  const file = args.value("secrets");
  const keys = ring === undefined ? {} : keysOf(ring);
  const values = file === undefined ? {} : readSecretsFile(file, config);
  const all = workersOf(config).map(
    (worker) => [worker, { ...secretsOfWorker(worker, config, values), ...keys[worker] }] as const,
  );
  return Object.fromEntries(all.filter(([, secrets]) => Object.keys(secrets).length > 0));
}

/** Writes the assets of the deployment's file as the catalog. The API's workers read it within two minutes. */
function catalogStep(deployment: Deployment, { environment, folder = projectRoot }: DeployRequest): Step {
  const file = join(folder, generatedFolder, `catalog-${environment}.json`);
  writeFileSync(file, `${JSON.stringify(catalogOf(deployment, environment), null, 2)}\n`);
  const target = ["--env", environment, "-c", workerFile(folder, "api")];
  return {
    worker: "api",
    name: "the catalog",
    words: ["kv", "key", "put", "catalog", "--binding", "CATALOG", "--path", shortName(file), "--remote", ...target],
    dry: false,
  };
}
