import { configFile } from "../../src/deployment/config-schema.ts";
import { type Command, checkOneInput } from "../lib/command.ts";
import { catalogOption, ringOption } from "../lib/files.ts";
import { defaultCatalogName, inDeployment, startProgram } from "../lib/project.ts";
import { agreementCheck } from "./checks/agreement.ts";
import { bindingsCheck } from "./checks/bindings.ts";
import { catalogCheck } from "./checks/catalog.ts";
import { configurationCheck } from "./checks/configuration.ts";
import { exposureCheck } from "./checks/exposure.ts";
import { hostCheck } from "./checks/host.ts";
import { keysCheck } from "./checks/keys.ts";
import { settingsCheck } from "./checks/settings.ts";
import { type Facts, gatherFacts, isOnNode, validRing } from "./facts.ts";
import type { Check, CheckResult } from "./finding.ts";
import { cloudFrontCheck } from "./live/cloudfront.ts";
import { corsCheck } from "./live/cors.ts";
import { deployedCatalog } from "./live/deployed-catalog.ts";
import { addressesOf, credentialsOf, gatherLive } from "./live/gather-live.ts";
import { clocksCheck, hostsCheck, plainHttpCheck } from "./live/hosts.ts";
import { liveKeysCheck } from "./live/keys.ts";
import type { Live } from "./live/live.ts";
import { mediaCheck } from "./live/media.ts";
import { originsCheck, publicBucketsCheck } from "./live/origins.ts";
import { streamCheck } from "./live/stream.ts";
import { report } from "./report.ts";

export const doctorCommand: Command = {
  name: "doctor",
  summary: "check a configuration before its deployment, and a running deployment",
  operands: [],
  options: {
    env: { type: "string" },
    project: { type: "string" },
    ...ringOption,
    ...catalogOption,
    issuers: { type: "string" },
    data: { type: "string" },
    api: { type: "string" },
    media: { type: "string" },
    token: { type: "string" },
    asset: { type: "string" },
    bearer: { type: "string" },
    origins: { type: "boolean" },
    "public-bucket": { type: "string", multiple: true },
  },
  help: `Checks ${inDeployment ? configFile : "each worker's wrangler.toml"}, the key ring, the catalog and the issuers. With --api and --media it also checks the
running deployment: whether the workers have the ring's keys, whether the media host and the origins refuse requests
without a signature or secret, and whether a cache stores signed responses. Each finding says what to do;
docs/operate/doctor.md explains all of them. The command changes nothing and shows no secret. It skips a check if you do
not give its input. It exits with 1 if there is a fault.

  --env <name>             ${inDeployment ? "an environment of that file" : "an environment of the wrangler.toml files"}, such as production; without it, development
  --ring <file>            the key ring (in development .stagedoor/keys.json of the project; with host.type node
                           keys-<environment>.json)
  --catalog <file>         the catalog (with --api and --bearer the deployed one; in development without --api
                           ${defaultCatalogName})
  --issuers <file>         the issuers, in the form of STAGEDOOR_ISSUERS
  --data <file>            with host.type node: the SQLite file of \`serve\` (data/<environment>.sqlite, if it exists)
  --project <folder>       the folder with ${inDeployment ? configFile : "wrangler.toml and workers/"} (the project)

  --api <url>              the API, with its base path
  --media <url>            the media host. The catalog's origins are checked too, with the secrets that this command's
                           environment has under their names
  --token <file>           a viewer's bearer token, which plays a few seconds; - reads it from standard input
  --asset <id>             the asset to play (the first with cdn: edge)
  --bearer <file>          an operator's credential with the scope operator:read, which also reads the deployed catalog;
                           - reads it from standard input. For a local API the ring's own operator key signs one
  --origins                check the catalog's origins without --media
  --public-bucket <url>    a public address of a bucket that must be closed: https://pub-….r2.dev; repeatable

  npx stagedoor doctor --env production --ring keys.json --catalog catalog.json
  npx stagedoor doctor --env production --ring keys.json --bearer ann.jwt \\
    --api https://api.example.com --media https://media.example.com
  npx stagedoor doctor --api http://localhost:8787 --media http://localhost:8788        # while ${startProgram} runs`,
  run: async (args, progress) => {
    checkOneInput(args, ["token", "bearer"]);
    const { apiUrl, mediaUrl } = addressesOf(args);
    const files = await gatherFacts(args, {
      apiUrl: apiUrl === undefined ? "http://localhost:8787" : new URL(apiUrl).origin,
      mediaUrl: mediaUrl ?? "http://localhost:8788",
    });
    const credentials = await credentialsOf(args, apiUrl, validRing(files));
    const facts = await withCatalog(files, apiUrl, credentials.bearer);
    const offline = await runChecks(checksFor(facts), facts);
    const live = gatherLive(args, facts, credentials);
    // Each live check may take seconds.
    const online = hasLiveInput(live)
      ? await runChecks(liveChecks, live, (name) => progress(`Checking ${name} …`))
      : [];
    return report([...offline, ...online], {
      environment: facts.environment,
      catalog: facts.catalog?.where,
    });
  },
};

/** Without a catalog file, the API's catalog is checked. */
async function withCatalog(facts: Facts, apiUrl: string | undefined, bearer: string | undefined): Promise<Facts> {
  if (facts.catalog !== undefined || apiUrl === undefined || bearer === undefined) return facts;
  return { ...facts, ...(await deployedCatalog({ apiUrl, bearer }, fetch)) };
}

function hasLiveInput(live: Live): boolean {
  const { apiUrl, mediaUrl, origins, publicBuckets } = live;
  return apiUrl !== undefined || mediaUrl !== undefined || origins || publicBuckets.length > 0;
}

/** The checks that need no network, in the order of the report. */
export const offlineChecks: readonly Check<Facts>[] = [
  configurationCheck,
  agreementCheck,
  settingsCheck,
  bindingsCheck,
  exposureCheck,
  keysCheck,
  catalogCheck,
];

/** Node has no bindings, and a machine of its own. */
function checksFor({ deployment }: Facts): readonly Check<Facts>[] {
  return isOnNode(deployment)
    ? offlineChecks.map((check) => (check === bindingsCheck ? hostCheck : check))
    : offlineChecks;
}

/** The checks of a running deployment. */
export const liveChecks: readonly Check<Live>[] = [
  hostsCheck,
  clocksCheck,
  plainHttpCheck,
  liveKeysCheck,
  mediaCheck,
  originsCheck,
  publicBucketsCheck,
  cloudFrontCheck,
  corsCheck,
  streamCheck,
];

/** Runs the checks one after another, and calls `onCheck` before each. */
export async function runChecks<Facts>(
  checks: readonly Check<Facts>[],
  facts: Facts,
  onCheck: (name: string) => void = () => undefined,
): Promise<CheckResult[]> {
  const results: CheckResult[] = [];
  for (const { name, passed, run } of checks) {
    onCheck(name);
    results.push({ name, passed, findings: await run(facts) });
  }
  return results;
}
