import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Ended, endMisused } from "../lib/command.ts";
import { projectRoot } from "../lib/project.ts";
import { secretsFrom } from "./secrets.ts";
import { type Asked, type Step, stepsOf } from "./steps.ts";
import {
  configs,
  type DeployedEnvironment,
  type DeployedWorker,
  environments,
  order,
  placeholdersIn,
  valuesOf,
} from "./workers.ts";
import { callWrangler, refusedOf } from "./wrangler.ts";

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

Deploys the workers with wrangler, one after the other: manifest, edge, identity (with its tables, if the API binds it),
API. It stops at the first failure: the workers before it are deployed, and the others stay as they were.

  --env <environment>  staging or production
  --ring <file>        the key ring: each worker is given its part as STAGEDOOR_KEYS (first deployment, new keys)
  --issuers <file>     the issuers whose bearer tokens the API trusts, in the form of STAGEDOOR_ISSUERS
  --secrets <file>     other secrets, {"identity": {"STAGEDOOR_IDENTITY_SECRET": "..."}, "edge": {...}}, mode 0600
  --secrets-only       update the secrets of workers that already run, and deploy nothing
  --dry-run            build each worker and upload nothing; placeholders are allowed
  --help               print this

Errors for which a worker would refuse its configuration are reported before anything is uploaded.`;

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));

async function main(words: readonly string[]): Promise<number> {
  try {
    const asked = read(words);
    return asked === undefined ? 0 : await deploy(asked);
  } catch (error) {
    if (!(error instanceof Ended)) throw error;
    const { outcome } = error;
    console.error(outcome.exit === 2 ? outcome.message : outcome.note);
    return outcome.exit;
  }
}

async function deploy(asked: Asked): Promise<number> {
  if (!asked.dryRun && !noPlaceholdersLeft(asked)) return 1;
  const refused = await refusedOf(asked);
  if (refused.length > 0)
    return fail(
      `Nothing was deployed: with these secrets the workers would refuse every request (configuration_invalid):\n${refused.join("\n")}`,
    );
  const steps = stepsOf(asked);
  if (steps.length === 0) return fail("There are no secrets to upload: give --ring, --issuers or --secrets.");
  for (const [index, step] of steps.entries()) {
    const called = step.dry || !asked.dryRun;
    console.log(`\n${index + 1}/${steps.length}  ${step.what}${called ? "" : " (not in a dry run)"}\n${shown(step)}`);
    const exit = called ? await callWrangler(step) : 0;
    if (exit !== 0) return fail(whatNow(steps, index));
  }
  console.log(`\nDone. ${asked.dryRun ? "Nothing was uploaded." : next(asked)}`);
  return 0;
}

function read(words: readonly string[]): Asked | undefined {
  const { values } = parse(words);
  if (values.help === true) {
    console.log(help);
    return undefined;
  }
  const environment =
    environments.find((name) => name === values.env) ??
    endMisused(`Name the environment: npm run deploy -- --env ${environments.join(", or --env ")}.`);
  return {
    environment,
    workers: order.filter((worker) => worker !== "identity" || bindsIdentity(environment)),
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
      `${error instanceof Error ? error.message : "It failed."} \`npm run deploy -- --help\` lists the options.`,
    );
  }
}

/** A project with its own identity provider removes the binding from the API's configuration, and the worker is skipped. */
function bindsIdentity(environment: DeployedEnvironment): boolean {
  const table = `env.${environment}.services`;
  return valuesOf(tomlOf("api"), environment).some((value) => value.table === table && value.text === "IDENTITY");
}

function tomlOf(worker: DeployedWorker): string {
  return readFileSync(join(projectRoot, configs[worker]), "utf8");
}

function noPlaceholdersLeft({ environment, workers }: Asked): boolean {
  const found = workers.flatMap((worker) => {
    const left = placeholdersIn(tomlOf(worker), environment);
    return left.map(({ line, text }) => `  ${configs[worker]}:${line}  ${text}`);
  });
  if (found.length === 0) return true;
  console.error(
    `Nothing was deployed: these have to be filled in first (docs/deploy/workers-r2.md, step 2):\n${found.join("\n")}`,
  );
  return false;
}

function shown({ words, secrets }: Step): string {
  const file = secrets === undefined ? [] : [...(secrets.option === undefined ? [] : [secrets.option]), "<file>"];
  return `$ npx wrangler ${[...words, ...file].join(" ")}`;
}

function whatNow(steps: readonly Step[], failed: number): string {
  const done = steps.slice(0, failed).map(({ what }) => what);
  const before = done.length === 0 ? "Nothing was changed before it." : `Done before it: ${done.join(", ")}.`;
  return `\nFailed: ${steps[failed]?.what}; wrangler's error is above. ${before} Fix it, and run the same command again: the steps
before it are repeated and change nothing. To roll back instead: docs/operate/upgrade.md.`;
}

function next({ environment }: Asked): string {
  return `Check the deployment: npx stagedoor doctor --env ${environment}`;
}

function fail(message: string): 1 {
  console.error(message);
  return 1;
}
