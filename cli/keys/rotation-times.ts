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
import { type Args, endFailed, endInvalid } from "../lib/command.ts";
import { devRingFile, readCatalog, ringFileOf } from "../lib/files.ts";
import { type OperatorApi, operatorApiOf, readFromApi } from "../lib/operator-api.ts";
import { readDuration } from "../lib/text.ts";
import { isLive, liveCatalogOf, whichCatalogOptions } from "../lib/which-catalog.ts";
import { verifiersFirst } from "../lib/worker-files.ts";
import { isBound } from "./bind-key.ts";

export const rotationOptions = {
  ...whichCatalogOptions,
  "session-ttl": { type: "string" },
  "head-start": { type: "string" },
} as const;

export const rotationHelp = `  --api <url>            the API of the deployment, with its base path. It supplies the catalog, the length of sessions, and its
                         keys, which are compared with the ring file
  --bearer <file>        an operator's credential with the scope operator:read; - reads it from standard input
  --catalog <file>       the catalog in a file instead: it has the length of sessions and the CloudFront keys that assets
                         name
  --session-ttl <time>   STAGEDOOR_SESSION_TTL of the deployment: 21600, 6h (default: this variable in your environment)
  --head-start <time>    how long the workers need to receive a new ring (1h)`;

/** What a rotation knows about the deployment that uses the ring. */
export interface RotationContext {
  /** The keys of the deployed API; undefined without --api. */
  readonly live: LiveKeys | undefined;
  /** Undefined if no catalog is known. */
  readonly assets: readonly Asset[] | undefined;
  readonly sessionTtl: Seconds | undefined;
  readonly headStart: Seconds;
}

/**
 * Reads the context from --api or from the other options. The development ring belongs to the fixture catalog. For any other
 * ring without options, sessions are assumed to have the maximum length.
 */
export async function rotationContextOf(args: Args): Promise<RotationContext> {
  const known = await catalogAndKeys(args);
  const isDev = ringFileOf(args) === devRingFile;
  const ttl = args.value("session-ttl") ?? process.env.STAGEDOOR_SESSION_TTL;
  const headStart = args.value("head-start");
  return {
    ...known,
    sessionTtl:
      ttl !== undefined ? readTtl(ttl) : (known.live?.longestSession ?? (isDev ? readTtl("21600") : undefined)),
    headStart: headStart === undefined ? defaultHeadStart : readDuration("head-start", headStart),
  };
}

async function catalogAndKeys(args: Args): Promise<Pick<RotationContext, "live" | "assets">> {
  if (!isLive(args)) {
    const hasCatalog = ringFileOf(args) === devRingFile || args.value("catalog") !== undefined;
    return { live: undefined, assets: hasCatalog ? readCatalog(args).assets() : undefined };
  }
  const api = await operatorApiOf(args, "operator:read");
  const { assets, faults } = await liveCatalogOf(api);
  if (faults.length > 0)
    endFailed(
      `The catalog has errors: \`npx stagedoor assets check --api ${api.api}\` lists them. Fix them and run this command again.`,
    );
  return { live: await readLiveKeys(api), assets };
}

/** The durations that decide when a step for a purpose's keys is allowed. */
export function timesOf(purpose: RotatedPurpose, context: RotationContext, now: UnixSeconds): RotationTimes {
  const { assets, sessionTtl, headStart } = context;
  return { now, headStart, longest: longestHold(purpose, longestSession(sessionTtl, assets)) };
}

function readTtl(text: string): Seconds {
  const ttl = readDuration("session-ttl", text);
  return settingsSchema.shape.STAGEDOOR_SESSION_TTL.safeParse(String(ttl)).success
    ? seconds(ttl)
    : endInvalid("session-ttl", text, "from 5 seconds to 7 days, as STAGEDOOR_SESSION_TTL");
}

/** The keys of a deployed API, from `GET /operator/keys`. */
interface LiveKeys {
  readonly api: string;
  readonly longestSession: Seconds;
  readonly keys: readonly { readonly kid: string; readonly state: string; readonly fingerprint: string }[];
}

const responseSchema = z.object({
  longestSessionSeconds: z.number().positive(),
  keys: z.array(z.object({ kid: z.string(), state: z.enum(keyStates), fingerprint: z.string() })),
});

async function readLiveKeys(api: OperatorApi): Promise<LiveKeys> {
  const { longestSessionSeconds, keys } = await readFromApi(api, "/operator/keys", responseSchema);
  return { api: api.api, longestSession: seconds(longestSessionSeconds), keys };
}

/**
 * Why the API is not ready for a step: the previous step is in the ring file, but was not uploaded to the workers. The signing
 * key must be the same at the API as in the file, and a key to be retired must not be next or active at the API. Undefined if
 * the API is ready.
 */
export async function liveMismatch(
  { step, kid }: WaitingStep,
  keys: readonly RingKey[],
  purpose: RotatedPurpose,
  { now }: RotationTimes,
  live: LiveKeys,
): Promise<string | undefined> {
  const retiring = live.keys.find((key) => key.kid === kid);
  if (step === "retire" && (retiring?.state === "active" || retiring?.state === "next"))
    return `at the API (${live.api}) ${kid} is still ${retiring.state}`;
  const signer = step === "activate" ? keys.find((key) => key.kid === kid) : inUse(keys, purpose, now);
  if (signer === undefined) return undefined;
  const liveKey = live.keys.find((key) => key.kid === signer.kid);
  if (liveKey === undefined) return `the API (${live.api}) does not have ${signer.kid}`;
  if (liveKey.fingerprint !== (await fingerprintOf(signer)))
    return `the API (${live.api}) has another key with the kid ${signer.kid}`;
  const expected = step === "activate" ? ["next", "active"] : ["active"];
  return expected.includes(liveKey.state) ? undefined : `at the API (${live.api}) ${signer.kid} is ${liveKey.state}`;
}

/** The workers with a part of the ring, in the order of an upload. */
const ringWorkers: readonly WorkerName[] = verifiersFirst.filter((worker) => worker !== "identity");

/** A time and how far away it is: `2026-11-22T07:00:00Z (in 58 min)`. */
export function timeIn(time: UnixSeconds, now: UnixSeconds): string {
  return time <= now ? "now" : `${rfc3339(time)} (in ${durationText(time - now)})`;
}

const units = [
  ["d", 86_400],
  ["h", 3600],
  ["min", 60],
  ["s", 1],
] as const;

/** A duration in its two largest units, `7 d 1 h`, rounded up so that no step is tried too early. */
export function durationText(duration: number): string {
  const largest = units.findIndex(([, size]) => duration >= size);
  const shown = largest < 0 ? units.slice(-1) : units.slice(largest, largest + 2);
  const [, smallest] = shown.at(-1) ?? ["s", 1];
  let rest = Math.ceil(duration / smallest) * smallest;
  const words = shown.map(([unit, size]) => {
    const count = Math.floor(rest / size);
    rest -= count * size;
    return count === 0 ? "" : `${count} ${unit}`;
  });
  return words.filter((word) => word !== "").join(" ");
}

/** The next step of a purpose, with its time. `keys` and `file` belong to the ring. */
export function describeStep(
  step: NextStep,
  keys: readonly RingKey[],
  purpose: RotatedPurpose,
  file: string,
  now: UnixSeconds,
): string {
  if (step.step === "introduce") return "introduce a new key, at any time";
  const key = keys.find(({ kid }) => kid === step.kid);
  if (purpose === "cloudfront" && step.step === "activate" && !isBound(key, file))
    return `activate ${step.kid}: one head start after npx stagedoor keys bind`;
  return `${step.step} ${step.kid}: ${timeIn(step.from, now)}`;
}

/**
 * The workers that need the ring after a step, in the order of the upload. The API signs for sessions, the manifest worker for
 * CloudFront. The API also shows all keys to operators.
 */
export function workersFor(purpose: RotatedPurpose, step: NextStep["step"] | "at once"): readonly WorkerName[] {
  if (purpose === "operator" || purpose === "backend") return ["api"];
  if (step === "at once" || step === "retire") return ringWorkers;
  if (step === "introduce") return purpose === "cloudfront" ? ["edge", "api"] : ringWorkers;
  return purpose === "cloudfront" ? ["manifest", "api"] : ["api"];
}
