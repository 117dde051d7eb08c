import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import * as z from "zod";
import { after, rfc3339, systemClock } from "../../src/base/time.ts";
import { keysFor, signingKey } from "../../src/keys/ring.ts";
import { oneShotHmac } from "../../src/platform/node/node-crypto.ts";
import { prepareSessionKeys } from "../../src/signing/session-keys.ts";
import { type Args, type Command, endFailed, endMisused, failed, type Outcome, succeeded } from "../lib/command.ts";
import { readDeployment } from "../lib/deployment-folder.ts";
import {
  parseJson,
  readRing,
  readText,
  reasonOf,
  rewriteFile,
  ringFileOf,
  ringOption,
  shortName,
} from "../lib/files.ts";
import { inDeployment, projectRoot } from "../lib/project.ts";
import {
  caseEvent,
  caseLife,
  caseOutcomeSchema,
  type FunctionCase,
  functionCases,
  judgeCase,
  testAsset,
} from "./function-cases.ts";
import { environmentOf, functionSettings, noDeployment } from "./function-command.ts";

export const cloudfrontTestCasesCommand: Command = {
  name: "cloudfront test-cases",
  summary: "write requests for `aws cloudfront test-function`, and judge its results",
  operands: [],
  options: { ...ringOption, env: { type: "string" }, out: { type: "string" }, check: { type: "string" } },
  help: `Writes an event for each kind of request that a CloudFront Function may get, authentic and not, what the function has to do, and a
script that gives them to AWS's TestFunction. It needs an AWS account and a store that \`npx stagedoor cloudfront sync\` has filled.
The events are signed by the ring's active key for a day, for the asset ${testAsset}, which no catalog has: they open nothing.

  --env <environment>  staging or production
  --ring <file>        the key ring (keys-<environment>.json)
  --out <folder>       where to write (cloudfront-<environment>-cases)
  --check <folder>     write nothing: compare the results that the script put into this folder with what is expected`,
  run: async (args) => {
    const folder = args.value("check");
    if (folder !== undefined) return checked(folder);
    if (!inDeployment) return endMisused(noDeployment);
    const read = readDeployment(projectRoot);
    if (!read.ok) return endFailed(read.refusal);
    const environment = environmentOf(args, read.value);
    const settings = functionSettings(read.value, environment);
    if (!settings.ok) return endFailed(settings.refusal);
    const now = systemClock();
    const cases = await functionCases(await signer(args, environment), {
      issuer: settings.value.issuer,
      renews: settings.value.renewal !== undefined,
      now,
    });
    const name = `${read.value.config.name}-${environment}`;
    return written(cases, args.value("out") ?? `cloudfront-${environment}-cases`, name, rfc3339(after(now, caseLife)));
  },
};

/** The key that signs for CloudFront's assets. */
async function signer(args: Args, environment: string) {
  const file = args.value("ring") ?? `keys-${environment}.json`;
  const own: Args = { ...args, value: (option) => (option === "ring" ? file : args.value(option)) };
  const ring = await readRing(own);
  const active = signingKey(keysFor(ring, "cloudfront-session"), systemClock());
  const keys = await prepareSessionKeys(ring, oneShotHmac, ["cloudfront-session"]);
  const key = active === undefined ? undefined : keys.get(active.kid);
  return (
    key ??
    endFailed(
      `${shortName(ringFileOf(own))} has no active key with the purpose cloudfront-session: make one with \`npx stagedoor keys new --purpose cloudfront-session --ring ${shortName(ringFileOf(own))}\`.`,
    )
  );
}

async function written(cases: readonly FunctionCase[], folder: string, name: string, until: string): Promise<Outcome> {
  try {
    mkdirSync(resolve(folder), { recursive: true });
  } catch (error) {
    endFailed(`${folder} cannot be written: ${reasonOf(error)}. Nothing was written.`);
  }
  const put = (file: string, text: string) =>
    rewriteFile(resolve(folder, file), "open", async () => ({ text, result: undefined }));
  for (const each of cases) await put(eventFile(each.name), `${JSON.stringify(caseEvent(each), null, 2)}\n`);
  const list = cases.map(({ name: caseName, about, outcome }) => ({ name: caseName, about, outcome }));
  await put(casesFile, `${JSON.stringify({ function: name, until, cases: list }, null, 2)}\n`);
  await put(scriptFile, runScript(name));
  return succeeded(
    `Wrote ${cases.length} cases to ${shortName(resolve(folder))}. They can be tried until ${until}.

Next, with AWS's credentials and a store that is filled:

  sh ${join(folder, scriptFile)}
  npx stagedoor cloudfront test-cases --check ${folder}`,
    { folder, cases: cases.length, until },
  );
}

const casesFile = "cases.json";
const scriptFile = "run.sh";
const eventFile = (name: string) => `event-${name}.json`;
const resultFile = (name: string) => `result-${name}.json`;

function runScript(name: string): string {
  return `#!/bin/sh
# Gives each case to the function. The command for one case is the line with test-function.
#   sh ${scriptFile} [function] [DEVELOPMENT|LIVE]
set -eu
cd "$(dirname "$0")"
function=\${1:-${name}}
stage=\${2:-LIVE}
etag=$(aws cloudfront describe-function --name "$function" --stage "$stage" --query ETag --output text)
for event in event-*.json; do
  aws cloudfront test-function --name "$function" --if-match "$etag" --stage "$stage" --output json \\
    --event-object "fileb://$event" > "result-\${event#event-}"
done
`;
}

const casesSchema = z.object({
  cases: z.array(z.object({ name: z.string(), about: z.string(), outcome: caseOutcomeSchema })),
});

/** Compares the results in a folder with the cases there. */
function checked(folder: string): Outcome {
  const file = join(folder, casesFile);
  const parsed = casesSchema.safeParse(parseJson(readText(file, "the list of cases")));
  if (!parsed.success)
    return failed(
      `${shortName(resolve(file))} is no list of cases: write it again with \`npx stagedoor cloudfront test-cases\`.`,
    );
  const { cases } = parsed.data;
  const present = new Set(readdirSync(folder));
  const missing = cases.filter(({ name }) => !present.has(resultFile(name)));
  if (missing.length > 0)
    return failed(
      `${folder} has no result of ${missing.length} of ${cases.length} cases (${resultFile(missing[0]?.name ?? "")}): run \`sh ${join(folder, scriptFile)}\`.`,
    );
  const judged = cases.map(({ name, about, outcome }) => {
    const text = readFileSync(join(folder, resultFile(name)), "utf8");
    return { name, about, ...judgeCase(outcome, parseJson(text)) };
  });
  const faults = judged.filter(({ fault }) => fault !== undefined);
  const most = Math.max(0, ...judged.map(({ utilization = 0 }) => utilization));
  const summary = `${judged.length - faults.length} of ${judged.length} cases are as expected. The function used at most ${most} % of its time.`;
  const details = { cases: judged, utilization: most };
  if (faults.length === 0) return succeeded(summary, details);
  const lines = faults.map(({ name, about, fault }) => `  ${name}: ${fault}. ${about}`);
  return failed([summary, ...lines].join("\n"), details);
}
