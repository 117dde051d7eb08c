import { type Seconds, seconds, type UnixSeconds } from "../../src/base/seconds.ts";
import type { Asset } from "../../src/catalog/asset.ts";
import { settingsSchema } from "../../src/config/settings.ts";
import {
  longestHold,
  longestSession,
  type RotatedPurpose,
  type RotationTimes,
  usualHeadStart,
} from "../../src/keys/rotation.ts";
import type { Given } from "./command.ts";
import { devRingFile, readCatalog, ringFileOf } from "./files.ts";
import { operatorApiOf } from "./operator-api.ts";
import { endFailed, endMisused } from "./outcome.ts";
import { type LiveKeys, readLiveKeys } from "./rotation-live.ts";
import { readDuration } from "./times.ts";
import { isLive, liveCatalogOf, whichCatalogOptions } from "./which-catalog.ts";

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
 * of another nothing is known that was not said, and then the longest session that there can be is reckoned with.
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
    headStart: headStart === undefined ? usualHeadStart : readDuration("head-start", headStart),
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
