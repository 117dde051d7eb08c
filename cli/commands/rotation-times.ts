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
import { catalogOption, devRingFile, readCatalog, ringFileOf } from "./files.ts";
import { endMisused } from "./outcome.ts";
import { readDuration } from "./times.ts";

export const rotationOptions = {
  ...catalogOption,
  "session-ttl": { type: "string" },
  "head-start": { type: "string" },
} as const;

export const rotationHelp = `  --catalog <file>       the catalog: its assets say how long their sessions last and which CloudFront keys they name
  --session-ttl <time>   STAGEDOOR_SESSION_TTL of the deployment: 21600, 6h (that variable, where it is set here)
  --head-start <time>    how long the workers take to have a new ring (1h)`;

/** What is known of the deployment that a ring is for. */
export interface Deployment {
  /** Undefined where nobody named a catalog. */
  readonly assets: readonly Asset[] | undefined;
  readonly sessionTtl: Seconds | undefined;
  readonly headStart: Seconds;
}

/**
 * What the options say of the deployment. The development ring is that of `npm start`, with the catalog of the fixtures;
 * of another nothing is known that was not said, and then the longest session that there can be is reckoned with.
 */
export function deploymentOf(given: Given): Deployment {
  const isDev = ringFileOf(given) === devRingFile;
  const ttl = given.one("session-ttl") ?? process.env.STAGEDOOR_SESSION_TTL;
  const headStart = given.one("head-start");
  return {
    assets: isDev || given.one("catalog") !== undefined ? readCatalog(given).assets() : undefined,
    sessionTtl: ttl !== undefined ? readTtl(ttl) : isDev ? readTtl("21600") : undefined,
    headStart: headStart === undefined ? usualHeadStart : readDuration("head-start", headStart),
  };
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
