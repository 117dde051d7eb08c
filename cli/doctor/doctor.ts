import { type Command, endMisused } from "../lib/command.ts";
import { catalogOption, ringOption } from "../lib/files.ts";
import { agreementCheck } from "./checks/agreement.ts";
import { bindingsCheck } from "./checks/bindings.ts";
import { catalogCheck } from "./checks/catalog.ts";
import { configurationCheck } from "./checks/configuration.ts";
import { exposureCheck } from "./checks/exposure.ts";
import { keysCheck } from "./checks/keys.ts";
import { settingsCheck } from "./checks/settings.ts";
import { type Facts, gatherFacts, soundRing } from "./facts.ts";
import type { Check, Examined } from "./finding.ts";
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
  summary: "find what is wrong with a configuration, before and after it is deployed",
  operands: [],
  options: {
    env: { type: "string" },
    project: { type: "string" },
    ...ringOption,
    ...catalogOption,
    issuers: { type: "string" },
    api: { type: "string" },
    media: { type: "string" },
    token: { type: "string" },
    asset: { type: "string" },
    bearer: { type: "string" },
    origins: { type: "boolean" },
    "public-bucket": { type: "string", multiple: true },
  },
  help: `Looks at each worker's wrangler.toml, the key ring, the catalog and the issuers, and then at what runs: whether the hosts
have the ring's keys, whether the media host and the origins refuse who must be refused, what caches do with signed answers.
Each finding says what to do; docs/operate/doctor.md has a line for every one. It changes nothing, and shows no secret. What
is not given is not looked at. Ends with 1 where there is a fault.

  --env <name>             the environment of the wrangler.toml files, such as production (their top level: development)
  --ring <file>            the key ring (in development .stagedoor/keys.json of the project)
  --catalog <file>         the catalog (with --api and an operator's credential the one that is live; in development
                           without --api fixtures/catalog.json of the project)
  --issuers <file>         what STAGEDOOR_ISSUERS holds
  --project <folder>       the folder with wrangler.toml and workers/ (the project)

  --api <url>              the API, with its base path
  --media <url>            the media host; the catalog's origins are asked, too, with their secrets where this command's
                           environment has them under their names
  --token <file>           a viewer's bearer token, to play a few seconds with; - reads it from standard input
  --asset <id>             what is played (the first asset that the edge serves)
  --bearer <file>          an operator's credential with the scope operator:read, which the live catalog is read with, too;
                           - reads it from standard input. The local API takes one of the ring's own operator key
  --origins                asks the catalog's origins without --media
  --public-bucket <url>    a public address of a bucket that ought to be closed: https://pub-….r2.dev; may be repeated

  npx stagedoor doctor --env production --ring keys.json --catalog catalog.json
  npx stagedoor doctor --env production --ring keys.json --bearer ann.jwt \\
    --api https://api.example.com --media https://media.example.com
  npx stagedoor doctor --api http://localhost:8787 --media http://localhost:8788        # while npm start runs`,
  run: async (given, progress) => {
    if (given.one("token") === "-" && given.one("bearer") === "-")
      endMisused("Standard input holds one of them alone: put the token or the credential into a file.");
    const { apiUrl, mediaUrl } = addressesOf(given);
    const files = await gatherFacts(given, {
      apiUrl: apiUrl === undefined ? "http://localhost:8787" : new URL(apiUrl).origin,
      mediaUrl: mediaUrl ?? "http://localhost:8788",
    });
    const credentials = await credentialsOf(given, apiUrl, soundRing(files));
    const facts = await withCatalog(files, apiUrl, credentials.bearer);
    const offline = await examine(offlineChecks, facts);
    const live = gatherLive(given, facts, credentials);
    // Each of these may wait for seconds.
    const running = asksAnything(live)
      ? await examine(liveChecks, live, (name) => progress(`Looking at ${name} …`))
      : [];
    return report([...offline, ...running], {
      environment: facts.environment,
      catalog: facts.catalog?.where,
    });
  },
};

/** Where no file was named, the catalog that the API has stored is what is looked at. */
async function withCatalog(facts: Facts, apiUrl: string | undefined, bearer: string | undefined): Promise<Facts> {
  if (facts.catalog !== undefined || apiUrl === undefined || bearer === undefined) return facts;
  return { ...facts, ...(await deployedCatalog({ apiUrl, bearer }, fetch)) };
}

function asksAnything(live: Live): boolean {
  const { apiUrl, mediaUrl, origins, publicBuckets } = live;
  return apiUrl !== undefined || mediaUrl !== undefined || origins || publicBuckets.length > 0;
}

/** What is looked at before a deployment, in the order of the report: nothing is asked of the network. */
export const offlineChecks: readonly Check<Facts>[] = [
  configurationCheck,
  agreementCheck,
  settingsCheck,
  bindingsCheck,
  exposureCheck,
  keysCheck,
  catalogCheck,
];

/** What is looked at after one. */
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

/** Runs the checks one after the other; calls `onCheck` before each. */
export async function examine<Facts>(
  checks: readonly Check<Facts>[],
  facts: Facts,
  onCheck: (name: string) => void = () => undefined,
): Promise<Examined[]> {
  const done: Examined[] = [];
  for (const { name, held, run } of checks) {
    onCheck(name);
    done.push({ name, held, findings: await run(facts) });
  }
  return done;
}
