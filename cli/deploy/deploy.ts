import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import {
  CommandEnded,
  type Completed,
  endFailed,
  endMisused,
  type Progress,
  parseFailure,
  shownWord,
  succeeded,
} from "../lib/command.ts";
import { projectRoot } from "../lib/project.ts";
import { closest } from "../lib/suggest.ts";
import { type WorkerKind, workerFiles } from "../lib/worker-files.ts";
import { secretsFrom } from "./secrets.ts";
import { type DeployRequest, type Step, stepsOf } from "./steps.ts";
import { type DeployedEnvironment, deployOrder, environments, placeholdersIn, valuesOf } from "./workers.ts";
import { callWrangler, secretErrors, wranglerFor } from "./wrangler.ts";

/** The options, in the form of node:util's parseArgs. */
export const deployOptions = {
  env: { type: "string" },
  ring: { type: "string" },
  issuers: { type: "string" },
  secrets: { type: "string" },
  "secrets-only": { type: "boolean" },
  "dry-run": { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

const help = `npm run deploy -- --env <staging|production> [options]

Deploys the workers with wrangler, one after another: manifest, edge, identity (with its tables, if the API binds it), API.
It stops at the first failure: earlier workers are deployed, later ones are unchanged.

  --env <environment>  staging or production
  --ring <file>        the key ring: uploads to each worker its part, as STAGEDOOR_KEYS (first deployment, new keys)
  --issuers <file>     the issuers whose bearer tokens the API trusts, in the form of STAGEDOOR_ISSUERS
  --secrets <file>     other secrets, {"identity": {"STAGEDOOR_IDENTITY_SECRET": "..."}, "edge": {...}}, mode 0600
  --secrets-only       update the secrets of deployed workers, and deploy nothing
  --dry-run            build each worker and upload nothing; placeholders are allowed
  --help               print this

If a worker would refuse its configuration, the errors are reported and nothing is uploaded.`;

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));

/** `npm run deploy`: runs {@link deployClone}, prints its outcome, and returns the exit code. */
async function main(words: readonly string[]): Promise<number> {
  try {
    const { text, exit } = await deployClone(words, (line) => console.error(line));
    console.log(text);
    return exit;
  } catch (error) {
    if (!(error instanceof CommandEnded)) throw error;
    const { outcome } = error;
    console.error(outcome.exit === 2 ? outcome.message : outcome.note);
    return outcome.exit;
  }
}

/** Deploys a clone of this project, whose wrangler.toml files its operator has filled in. */
export async function deployClone(words: readonly string[], progress: Progress): Promise<Completed> {
  const request = readRequest(words);
  return request === undefined ? succeeded(help, { help }) : deploy(request, progress);
}

async function deploy(request: DeployRequest, progress: Progress): Promise<Completed> {
  const { dryRun, environment } = request;
  const placeholders = dryRun ? [] : placeholderLines(request);
  if (placeholders.length > 0)
    endFailed(
      `Nothing was deployed. Fill in these values first (docs/deploy/r2.md, step 2):\n${placeholders.join("\n")}`,
    );
  const errors = await secretErrors(request);
  if (errors.length > 0)
    endFailed(
      `Nothing was deployed. With these secrets the workers would refuse every request (configuration_invalid):\n${errors.join("\n")}`,
    );
  const steps = stepsOf(request);
  if (steps.length === 0) endFailed("There are no secrets to upload: give --ring, --issuers or --secrets.");
  const failure = await runSteps(steps, dryRun, { wrangler: wranglerFor(projectRoot), cwd: projectRoot, progress });
  if (failure !== undefined) endFailed(failure);
  const next = `Check the deployment: npx stagedoor doctor --env ${environment}`;
  return succeeded(`Done. ${dryRun ? "Nothing was uploaded." : next}`, doneJson(request, steps));
}

function readRequest(words: readonly string[]): DeployRequest | undefined {
  const { values } = parse(words);
  if (values.help === true) return undefined;
  const environment = environments.find((name) => name === values.env) ?? endMisused(environmentAdvice(values.env));
  return {
    environment,
    workers: deployOrder.filter((worker) => worker !== "identity" || bindsIdentity(environment)),
    secrets: secretsFrom({ ring: values.ring, issuers: values.issuers, secrets: values.secrets }),
    dryRun: values["dry-run"] === true,
    secretsOnly: values["secrets-only"] === true,
  };
}

function parse(words: readonly string[]) {
  try {
    return parseArgs({ args: [...words], options: deployOptions, strict: true, allowPositionals: false });
  } catch (error) {
    return endMisused(
      `${parseFailure(error, Object.keys(deployOptions))} \`npm run deploy -- --help\` lists the options.`,
    );
  }
}

function environmentAdvice(given: string | undefined): string {
  if (given === undefined)
    return `--env is missing: give ${environments.join(" or ")}, npm run deploy -- --env <environment>.`;
  const meant = closest(given, environments);
  const next = meant === undefined ? "<environment>" : meant;
  return `--env must be ${environments.join(" or ")}, not ${shownWord(given)}: npm run deploy -- --env ${next}.`;
}

/** A project with its own identity provider removes the API's binding IDENTITY, and the identity worker is not deployed. */
function bindsIdentity(environment: DeployedEnvironment): boolean {
  const table = `env.${environment}.services`;
  return valuesOf(tomlOf("api"), environment).some((value) => value.table === table && value.text === "IDENTITY");
}

function tomlOf(worker: WorkerKind): string {
  return readFileSync(join(projectRoot, workerFiles[worker]), "utf8");
}

function placeholderLines({ environment, workers }: DeployRequest): readonly string[] {
  return workers.flatMap((worker) => {
    const placeholders = placeholdersIn(tomlOf(worker), environment);
    return placeholders.map(({ line, text }) => `  ${workerFiles[worker]}:${line}  ${text}`);
  });
}

function commandLine({ words, secrets }: Step): string {
  const file = secrets === undefined ? [] : [...(secrets.option === undefined ? [] : [secrets.option]), "<file>"];
  return `$ npx wrangler ${[...words, ...file].join(" ")}`;
}

/** What `--json` prints of a deployment. */
export function doneJson({ environment, dryRun }: DeployRequest, steps: readonly Step[]): Completed["json"] {
  return { environment, dryRun, steps: steps.map(({ name }) => name) };
}

/** Where wrangler runs, and where it is reported. */
interface Runner {
  readonly wrangler: string;
  readonly cwd: string;
  readonly progress: Progress;
}

/** Calls wrangler for each step; a dry run skips those that would change something. Returns what failed, or undefined. */
export async function runSteps(
  steps: readonly Step[],
  dryRun: boolean,
  { wrangler, cwd, progress }: Runner,
): Promise<string | undefined> {
  for (const [index, step] of steps.entries()) {
    const isCalled = step.dry || !dryRun;
    progress(
      `\n${index + 1}/${steps.length}  ${step.name}${isCalled ? "" : " (skipped in a dry run)"}\n${commandLine(step)}`,
    );
    const exit = isCalled ? await callWrangler(step, wrangler, cwd) : 0;
    if (exit !== 0) return failureText(steps, index);
  }
  return undefined;
}

function failureText(steps: readonly Step[], failed: number): string {
  const done = steps.slice(0, failed).map(({ name }) => name);
  const before = done.length === 0 ? "No step was done before it." : `Done before it: ${done.join(", ")}.`;
  return `\nFailed: ${steps[failed]?.name}; wrangler's error is above. ${before} Fix the error and run the same command again: repeating
a step that is done changes nothing. To roll back instead, see docs/operate/upgrade.md.`;
}
