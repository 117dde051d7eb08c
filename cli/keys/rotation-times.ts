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

export const rotationHelp = `  --api <url>            the API of the deployment, with its base path: it is asked for the catalog, for how long sessions last,
                         and whether it has the keys as the ring's file says
  --bearer <file>        an operator's credential with the scope operator:read for it; - reads it from standard input
  --catalog <file>       the catalog in a file instead: its assets say how long their sessions last and which CloudFront keys
                         they name
  --session-ttl <time>   STAGEDOOR_SESSION_TTL of the deployment: 21600, 6h (that variable, where it is set here)
  --head-start <time>    how long the workers take to have a new ring (1h)`;

/** What is known of the deployment that a ring is for. */
export interface Deployment {
  /** What the API says of its keys, where it was to be asked. */
  readonly live: LiveKeys | undefined;
  /** Undefined where nobody named a catalog. */
  readonly assets: readonly Asset[] | undefined;
  readonly sessionTtl: Seconds | undefined;
  readonly headStart: Seconds;
}

/**
 * What the options say of the deployment, and its API where one is named. The development ring is that of `npm start`, with the catalog of the fixtures;
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
      `The catalog is faulty: \`npx stagedoor assets check --api ${api.api}\` names what to do. Then run this again.`,
    );
  return { live: await readLiveKeys(api), assets };
}

/** The times by which the steps of a purpose are taken. */
export function timesOf(purpose: RotatedPurpose, deployment: Deployment, now: UnixSeconds): RotationTimes {
  const { assets, sessionTtl, headStart } = deployment;
  return { now, headStart, longest: longestHold(purpose, longestSession(sessionTtl, assets)) };
}

function readTtl(text: string): Seconds {
  const ttl = readDuration("session-ttl", text);
  return settingsSchema.shape.STAGEDOOR_SESSION_TTL.safeParse(String(ttl)).success
    ? seconds(ttl)
    : endMisused("--session-ttl takes what STAGEDOOR_SESSION_TTL takes: from 5 seconds to 7 days.");
}

/** The keys that the API of a deployment runs with, as it says at `GET /operator/keys`. */
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
    return endFailed(`${api.api} answers with something else than its keys: is it of the version of this command?`);
  const { longestSessionSeconds, keys } = read.data;
  return { api: api.api, longestSession: seconds(longestSessionSeconds), keys };
}

/**
 * What the API says against a step, in a sentence: the step before it never reached the workers, though the ring's file has it.
 * A key that will sign, or that signs in place of a retiring one, has to be the same there as in the file; and a key that
 * goes must have ceased to sign. Undefined where nothing is against it.
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

/** A point in time, and how far it is: `2026-11-22T07:00:00Z (in 58 min)`. */
export function timeIn(time: UnixSeconds, now: UnixSeconds): string {
  return time <= now ? "now" : `${rfc3339(time)} (in ${lengthOf(time - now)})`;
}

const units = [
  ["d", 86_400],
  ["h", 3600],
  ["min", 60],
  ["s", 1],
] as const;

/** A length of time in its two largest units, `7 d 1 h`; rounded up, so that nobody comes too early by it. */
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
 * The workers that need the ring after a step, in the order in which they are given it. A new key goes to those first that
 * only verify; who signs is the API for sessions and the manifest worker for CloudFront; the API shows all keys to operators.
 */
export function workersFor(purpose: RotatedPurpose, step: NextStep["step"] | "at once"): readonly WorkerName[] {
  if (purpose === "operator") return ["api"];
  if (step === "at once" || step === "retire") return verifiersFirst;
  if (step === "introduce") return purpose === "session" ? verifiersFirst : ["edge", "api"];
  return purpose === "session" ? ["api"] : ["manifest", "api"];
}
