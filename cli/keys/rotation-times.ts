import * as z from "zod";
import { rfc3339, type Seconds, seconds, type UnixSeconds } from "../../src/base/time.ts";
import type { Asset } from "../../src/catalog/asset.ts";
import type { WorkerName } from "../../src/config/configuration.ts";
import { settingsSchema } from "../../src/config/settings.ts";
import type { RingKey } from "../../src/keys/key.ts";
import { fingerprintOf } from "../../src/keys/key-material.ts";
import { inUse, keyStates } from "../../src/keys/life.ts";
import {
  defaultHeadStart,
  longestHold,
  longestSession,
  type NextStep,
  type RotatedPurpose,
  type RotationTimes,
  type WaitingStep,
} from "../../src/keys/rotation.ts";
import { endFailed, endMisused, type Given } from "../lib/command.ts";
import { devRingFile, readCatalog, ringFileOf } from "../lib/files.ts";
import { askApi, type OperatorApi, operatorApiOf } from "../lib/operator-api.ts";
import { readDuration } from "../lib/text.ts";
import { isLive, liveCatalogOf, whichCatalogOptions } from "../lib/which-catalog.ts";
import { isBound } from "./bind-key.ts";

export const rotationOptions = {
  ...whichCatalogOptions,
  "session-ttl": { type: "string" },
  "head-start": { type: "string" },
} as const;

export const rotationHelp = `  --api <url>            the API of the deployment, with its base path. It supplies the catalog, how long sessions last,
                         and its keys, which are compared with the ring file
  --bearer <file>        an operator's credential with the scope operator:read for it; - reads it from standard input
  --catalog <file>       the catalog in a file instead: its assets say how long their sessions last and which CloudFront keys
                         they name
  --session-ttl <time>   STAGEDOOR_SESSION_TTL of the deployment: 21600, 6h (default: this variable in your environment)
  --head-start <time>    how long the workers need to receive a new ring (1h)`;

/** What is known about the deployment that uses a ring. */
export interface Deployment {
  /** The keys that the API reports; undefined without --api. */
  readonly live: LiveKeys | undefined;
  /** Undefined if no catalog is known. */
  readonly assets: readonly Asset[] | undefined;
  readonly sessionTtl: Seconds | undefined;
  readonly headStart: Seconds;
}

/**
 * The deployment as the options and the API of --api describe it. The development ring belongs to `npm start` and its fixture catalog;
 * for any other ring without options, the longest possible session is assumed.
 */
export async function deploymentOf(given: Given): Promise<Deployment> {
  const known = await knownOf(given);
  const isDev = ringFileOf(given) === devRingFile;
  const ttl = given.one("session-ttl") ?? process.env.STAGEDOOR_SESSION_TTL;
  const headStart = given.one("head-start");
  return {
    ...known,
    sessionTtl:
      ttl !== undefined ? readTtl(ttl) : (known.live?.longestSession ?? (isDev ? readTtl("21600") : undefined)),
    headStart: headStart === undefined ? defaultHeadStart : readDuration("head-start", headStart),
  };
}

async function knownOf(given: Given): Promise<Pick<Deployment, "live" | "assets">> {
  if (!isLive(given)) {
    const named = ringFileOf(given) === devRingFile || given.one("catalog") !== undefined;
    return { live: undefined, assets: named ? readCatalog(given).assets() : undefined };
  }
  const api = await operatorApiOf(given, "operator:read");
  const { assets, faults } = await liveCatalogOf(api);
  if (faults.length > 0)
    endFailed(
      `The catalog has errors: \`npx stagedoor assets check --api ${api.api}\` lists them. Fix them and run this command again.`,
    );
  return { live: await readLiveKeys(api), assets };
}

/** The durations that decide when a step for a purpose's keys is allowed. */
export function timesOf(purpose: RotatedPurpose, deployment: Deployment, now: UnixSeconds): RotationTimes {
  const { assets, sessionTtl, headStart } = deployment;
  return { now, headStart, longest: longestHold(purpose, longestSession(sessionTtl, assets)) };
}

function readTtl(text: string): Seconds {
  const ttl = readDuration("session-ttl", text);
  return settingsSchema.shape.STAGEDOOR_SESSION_TTL.safeParse(String(ttl)).success
    ? seconds(ttl)
    : endMisused("--session-ttl takes the same values as STAGEDOOR_SESSION_TTL: from 5 seconds to 7 days.");
}

/** The keys that the API of a deployment uses, as `GET /operator/keys` reports them. */
interface LiveKeys {
  readonly api: string;
  readonly longestSession: Seconds;
  readonly keys: readonly { readonly kid: string; readonly state: string; readonly fingerprint: string }[];
}

const answerSchema = z.object({
  longestSessionSeconds: z.number().positive(),
  keys: z.array(z.object({ kid: z.string(), state: z.enum(keyStates), fingerprint: z.string() })),
});

async function readLiveKeys(api: OperatorApi): Promise<LiveKeys> {
  const asked = await askApi(api, "GET", "/operator/keys");
  if (!asked.ok) return endFailed(asked.message);
  const read = answerSchema.safeParse(asked.answer);
  if (!read.success)
    return endFailed(`${api.api} does not answer with its keys: does it have the same version as this command?`);
  const { longestSessionSeconds, keys } = read.data;
  return { api: api.api, longestSession: seconds(longestSessionSeconds), keys };
}

/**
 * Why the API is not ready for a step, in a sentence: the step before it is in the ring file but never reached the workers.
 * A key that will sign, or that replaces a retiring one, must be the same at the API as in the file; and a key to be
 * retired must no longer be next or active there. Undefined if the step may go ahead.
 */
export async function liveMismatch(
  { step, kid }: WaitingStep,
  keys: readonly RingKey[],
  purpose: RotatedPurpose,
  { now }: RotationTimes,
  live: LiveKeys,
): Promise<string | undefined> {
  const leaving = live.keys.find((there) => there.kid === kid);
  if (step === "retire" && (leaving?.state === "active" || leaving?.state === "next"))
    return `the API (${live.api}) has ${kid} as ${leaving.state} still`;
  const wanted = step === "activate" ? keys.find((key) => key.kid === kid) : inUse(keys, purpose, now);
  if (wanted === undefined) return undefined;
  const there = live.keys.find((key) => key.kid === wanted.kid);
  if (there === undefined) return `the API (${live.api}) does not have ${wanted.kid}`;
  if (there.fingerprint !== (await fingerprintOf(wanted)))
    return `the API (${live.api}) has another key by the name of ${wanted.kid}`;
  const due = step === "activate" ? ["next", "active"] : ["active"];
  return due.includes(there.state) ? undefined : `the API (${live.api}) has ${wanted.kid} as ${there.state}`;
}

/** All workers, verifiers first: each signature has to meet a worker that has its key. */
const verifiersFirst: readonly WorkerName[] = ["edge", "manifest", "api"];

/** A point in time and how far away it is: `2026-11-22T07:00:00Z (in 58 min)`. */
export function timeIn(time: UnixSeconds, now: UnixSeconds): string {
  return time <= now ? "now" : `${rfc3339(time)} (in ${lengthOf(time - now)})`;
}

const units = [
  ["d", 86_400],
  ["h", 3600],
  ["min", 60],
  ["s", 1],
] as const;

/** A length of time in its two largest units, `7 d 1 h`; rounded up, so that no step is tried too early. */
export function lengthOf(length: number): string {
  const largest = units.findIndex(([, size]) => length >= size);
  const shown = largest < 0 ? units.slice(-1) : units.slice(largest, largest + 2);
  const [, least] = shown.at(-1) ?? ["s", 1];
  let rest = Math.ceil(length / least) * least;
  const words = shown.map(([unit, size]) => {
    const count = Math.floor(rest / size);
    rest -= count * size;
    return count === 0 ? "" : `${count} ${unit}`;
  });
  return words.filter((word) => word !== "").join(" ");
}

/** The next step of a purpose in a few words. `keys` and `file` are the ring's. */
export function describeStep(
  step: NextStep,
  keys: readonly RingKey[],
  purpose: RotatedPurpose,
  file: string,
  now: UnixSeconds,
): string {
  if (step.step === "introduce") return "introduce a new key, whenever a rotation is wanted";
  const key = keys.find(({ kid }) => kid === step.kid);
  if (purpose === "cloudfront" && step.step === "activate" && !isBound(key, file))
    return `activate ${step.kid}: its time counts from npx stagedoor keys bind on`;
  return `${step.step} ${step.kid}: ${timeIn(step.from, now)}`;
}

/**
 * The workers that need the ring after a step, in the order in which they get it. A new key goes first to the workers that
 * only verify. The API signs for sessions, the manifest worker for CloudFront. The API also shows all keys to operators.
 */
export function workersFor(purpose: RotatedPurpose, step: NextStep["step"] | "at once"): readonly WorkerName[] {
  if (purpose === "operator") return ["api"];
  if (step === "at once" || step === "retire") return verifiersFirst;
  if (step === "introduce") return purpose === "session" ? verifiersFirst : ["edge", "api"];
  return purpose === "session" ? ["api"] : ["manifest", "api"];
}
