import { setTimeout as sleep } from "node:timers/promises";
import { inTime, rfc3339, seconds, systemClock, systemTimer } from "../../src/base/time.ts";
import {
  type CycleResult,
  type FollowedLog,
  StoreCycle,
  type StoreStatus,
  storeKeys,
} from "../../src/cloudfront/store-cycle.ts";
import { settingsSchema, storeArnSchema } from "../../src/config/settings.ts";
import { type EnvironmentName, environmentNames } from "../../src/deployment/config-schema.ts";
import { addressesOf, cloudFrontStoresOf, settingsFor } from "../../src/deployment/wrangler-config.ts";
import { revocationPageSchema } from "../../src/operator/operator-json.ts";
import { openAwsStore } from "../../src/platform/aws/aws-store.ts";
import {
  type Args,
  type Command,
  CommandEnded,
  endFailed,
  endInvalid,
  endMisused,
  failed,
  type Outcome,
  type Progress,
  succeeded,
} from "../lib/command.ts";
import { ownConfig } from "../lib/deployment-folder.ts";
import { readRing, ringFileOf, shortName } from "../lib/files.ts";
import { type OperatorApi, operatorApiOf, operatorApiOptions, readFromApi } from "../lib/operator-api.ts";
import { awsStoreClient, requiredPeer } from "../lib/peers.ts";

export const cloudfrontSyncCommand: Command = {
  name: "cloudfront sync",
  summary: "write the keys and revocations into the KeyValueStore of a CloudFront Function",
  operands: [],
  options: {
    ...operatorApiOptions,
    env: { type: "string" },
    store: { type: "string" },
    watch: { type: "boolean" },
  },
  help: `Brings the KeyValueStore of a CloudFront Function in step with the key ring and the revocation log, and says how full it is.
The function refuses all requests (503) an hour after the last time, so run it with --watch, or
every 5 minutes: after 10 minutes without it, the media host renews expired URLs for a week.
Do not run it if the service keeps the store in step itself. A store has one writer.

AWS's credentials are those of its other tools: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or the machine's role. They
need cloudfront-keyvaluestore:DescribeKeyValueStore, ListKeys and UpdateKeys on the store.

  --env <environment>  staging or production: its store, API and key ring, by stagedoor.config.json
  --store <arn>        the store's ARN (cdns.<name>.store.<environment> of stagedoor.config.json)
  --watch              keep the store in step until Ctrl-C: a revocation reaches it within 5 seconds, and CloudFront's
                       locations about 15 seconds later
  --api <url>          the API, with its base path (that of the environment)
  --bearer <file>      an operator's credential with the scope operator:read (npx stagedoor operator new);
                       - reads it from standard input
  --ring <file>        the key ring (keys-<environment>.json). Every cycle reads it again`,
  run: async (args, progress) => {
    const target = targetOf(args);
    const api = await operatorApiOf(target.args, "operator:read");
    const ring = await readRing(target.args);
    if (storeKeys(ring, systemClock()).length === 0)
      return failed(
        `${shortName(ringFileOf(target.args))} has no key with the purpose cloudfront-session: make one with \`npx stagedoor keys new --purpose cloudfront-session --ring ${shortName(ringFileOf(target.args))}\`.`,
      );
    const store = await requiredPeer(awsStoreClient, () => openAwsStore({ arn: target.arn, fetch }));
    const log = operatorLog(api);
    const cycle = new StoreCycle({ log, store, clock: systemClock, renewal: target.renewal });
    return args.flag("watch") ? watch(cycle, target, progress) : once(cycle, target);
  },
};

interface Target {
  readonly arn: string;
  readonly renewal: "function" | "manifest";
  /** With the defaults of the environment. */
  readonly args: Args;
}

function targetOf(args: Args): Target {
  const environment = environmentOf(args);
  const config = environment === undefined ? undefined : ownConfig();
  if (environment !== undefined && config === undefined)
    endMisused(
      "There is no valid stagedoor.config.json here or above: run this command in a deployment's folder, or give --store, --api and --ring instead of --env.",
    );
  const known =
    environment === undefined || config === undefined
      ? undefined
      : {
          stores: cloudFrontStoresOf(config, environment),
          renewal: readRenewal.parse(settingsFor("api", config, environment)).STAGEDOOR_CLOUDFRONT_RENEWAL,
          defaults: new Map([
            ["api", addressesOf(config, environment).apiUrl + (config.settings.STAGEDOOR_BASE_PATH ?? "")],
            ["ring", `keys-${environment}.json`],
          ]),
        };
  const value = (option: string) => args.value(option) ?? known?.defaults.get(option);
  const arn = storeArnOf(args.value("store"), environment, known?.stores ?? []);
  return { arn, renewal: known?.renewal ?? "function", args: { ...args, value } };
}

const readRenewal = settingsSchema.pick({ STAGEDOOR_CLOUDFRONT_RENEWAL: true });

function environmentOf(args: Args): EnvironmentName | undefined {
  const text = args.value("env");
  if (text === undefined) return undefined;
  return environmentNames.find((name) => name === text) ?? endInvalid("env", text, environmentNames.join(" or "));
}

/** The ARN of --store, or the only one of an environment. */
export function storeArnOf(
  text: string | undefined,
  environment: EnvironmentName | undefined,
  stores: readonly string[],
): string {
  if (text !== undefined) {
    const parsed = storeArnSchema.safeParse(text);
    return parsed.success
      ? parsed.data
      : endInvalid("store", text, "an ARN such as arn:aws:cloudfront::123456789012:key-value-store/01234567-89ab-…");
  }
  const [only, ...others] = stores;
  if (only !== undefined && others.length === 0) return only;
  if (environment === undefined) return endMisused("Give --env, or --store with --api and --ring.");
  return endFailed(
    only === undefined
      ? `No CDN of stagedoor.config.json names a store for ${environment}: add "store": {"${environment}": "<the ARN>"} to the CDN of the type cloudfront-function, or give --store.`
      : `stagedoor.config.json names ${stores.length} stores for ${environment}: give one of them with --store (${stores.join(", ")}).`,
  );
}

/** A cycle with the keys that the ring's file has now. A ring that cannot be read is a fault of this cycle only. */
async function runCycle(cycle: StoreCycle, { args }: Target): Promise<CycleResult> {
  const ring = await readRing(args);
  return cycle.run(storeKeys(ring, systemClock()));
}

async function once(cycle: StoreCycle, target: Target): Promise<Outcome> {
  const result = await runCycle(cycle, target);
  if (result.status === "failed")
    return failed(failureText(result, target), { store: target.arn, fault: result.fault });
  const { store, puts, deletes } = result;
  const left = Math.floor((store.until - store.inStepAt) / 60);
  return succeeded(
    `${changeText(result)}
${fullnessText(store)}

The function uses it for ${left} minutes. Next: run this command again before then, or keep the store in step with --watch.`,
    { store: target.arn, puts, deletes, ...store },
  );
}

async function watch(cycle: StoreCycle, target: Target, progress: Progress): Promise<Outcome> {
  const stopping = new AbortController();
  const stop = () => stopping.abort();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, stop);
  let last: CycleResult | undefined;
  while (!stopping.signal.aborted) {
    const result = await runCycle(cycle, target).catch(asFailure);
    const line = lineOf(result, last, target);
    if (line !== undefined) progress(`${rfc3339(systemClock())} ${line}`);
    last = result;
    await sleep(result.next * 1000, undefined, { signal: stopping.signal }).catch(() => undefined);
  }
  return succeeded("Stopped. The function uses the store for an hour after its last write.", { store: target.arn });
}

/** The ring or its file is invalid: its message is the fault. */
function asFailure(error: unknown): CycleResult {
  if (!(error instanceof CommandEnded)) throw error;
  return { status: "failed", fault: "keys", detail: messageOf(error), store: undefined, next: seconds(5) };
}

function messageOf({ outcome }: CommandEnded): string {
  return outcome.exit === 2 ? outcome.message : (outcome.note ?? "it failed");
}

/** What a cycle of --watch reports: changes, failures, and the end of failures. */
function lineOf(result: CycleResult, last: CycleResult | undefined, target: Target): string | undefined {
  if (result.status === "failed")
    return last?.status === "failed" && last.detail === result.detail ? undefined : failureText(result, target);
  if (result.puts + result.deletes === 0 && last?.status === "in_step") return undefined;
  return `${changeText(result)} ${fullnessText(result.store)}`;
}

function changeText({ puts, deletes }: { readonly puts: number; readonly deletes: number }): string {
  return puts + deletes === 0 ? "Nothing has changed." : `Wrote ${countOf(puts)} and removed ${countOf(deletes)}.`;
}

function countOf(entries: number): string {
  return entries === 1 ? "1 entry" : `${entries} entries`;
}

function fullnessText({ entries, bytes, capacity, dropped, filtered, kids }: StoreStatus): string {
  const keys = `${kids.length === 1 ? "the key" : "the keys"} ${kids.join(", ")}`;
  const full = `The store has ${countOf(entries)}, ${bytes} of ${capacity} bytes (${((100 * bytes) / capacity).toFixed(1)} %), with ${keys}.`;
  const left = `${countOf(dropped)} of viewers had no room, so the media host renews expired URLs until they have.`;
  const asked = `So many viewers and tokens are revoked that ${(100 * filtered).toFixed(0)} % of all requests go to the media host.`;
  return [full, ...(dropped === 0 ? [] : [left]), ...(filtered < 0.01 ? [] : [asked])].join(" ");
}

function failureText({ fault, detail }: CycleResult & { readonly status: "failed" }, { arn, args }: Target): string {
  const ring = shortName(ringFileOf(args));
  switch (fault) {
    case "log":
      return `The revocation log cannot be read, so nothing was written: ${detail}`;
    case "store":
      return `${arn} cannot be brought in step: ${detail}. Run this command again.`;
    case "keys":
      return `The keys of ${ring} cannot be written: ${detail}. Check the ring with \`npx stagedoor keys list --ring ${ring}\`.`;
    case "room":
      return `The entries have no room: ${detail}.`;
  }
}

/** The longest time that the API may take for a page. */
const answerWithin = seconds(10);

/** The revocation log over the operators' API. It rejects with the message that the command would end with. */
function operatorLog(api: OperatorApi): FollowedLog {
  return {
    since: async (cursor) => {
      const page = await inTime(
        readFromApi(api, `/operator/revocations?since=${cursor}`, revocationPageSchema),
        answerWithin,
        systemTimer,
      ).catch((error: unknown) => {
        throw error instanceof CommandEnded ? new Error(messageOf(error)) : error;
      });
      if (page === "late") throw new Error(`${api.api} did not answer within ${answerWithin} s`);
      return page;
    },
  };
}
