import { isUnixSeconds, rfc3339, systemClock } from "../../src/base/time.ts";
import { devKidPrefix, readConfiguration, ringFor, workerNames } from "../../src/config/configuration.ts";
import { fingerprintOf } from "../../src/keys/key-material.ts";
import { keyStateOf, signsByAsset } from "../../src/keys/life.ts";
import type { KeyRing } from "../../src/keys/ring.ts";
import { type NextStep, nextStep, type RotatedPurpose, rotatedPurposes, sinceWhen } from "../../src/keys/rotation.ts";
import { type Command, endMisused, failed, good } from "../lib/command.ts";
import { readRing, ringFileOf, ringOption } from "../lib/files.ts";
import { table } from "../lib/text.ts";
import { deploymentOf, describeStep, rotationHelp, rotationOptions, timesOf } from "./rotation-times.ts";

export const keysListCommand: Command = {
  name: "keys list",
  summary: "list the keys of a ring and their next steps, never their secrets",
  operands: [],
  options: { ...ringOption, ...rotationOptions },
  help: `Lists a ring's keys: kid, purpose, type, fingerprint, state, since when, and the window; then the next step of each purpose
and when npx stagedoor keys rotate may take it. Secrets are never printed. Compare a fingerprint with those that
/operator/keys shows for a deployment: the table has the first characters, --json has all of it.

  next       verifiers accept it, and no worker signs with it
  active     it signs; a cloudfront key "by asset" signs only for assets that name it as keyPairId
  retiring   its signatures are still accepted, and another key signs
  retired    its signatures are refused: no worker gets it

${rotationHelp}
  --ring <file>          the key ring (.stagedoor/keys.json of the project)`,
  run: async (given) => {
    const now = systemClock();
    const ring = await readRing(given);
    const deployment = await deploymentOf(given);
    const listing = ring.keys.map(async (key) => {
      const { kid, purpose, kty, alg, nbf, exp } = key;
      const half = key.kty !== "oct" && key.d === undefined ? "public" : "whole";
      const by = signsByAsset(key, now) ? "asset" : undefined;
      const state = keyStateOf(key, ring.keys, now);
      const fingerprint = await fingerprintOf(key);
      return { kid, purpose, kty, alg, half, fingerprint, state, since: sinceWhen(key, ring.keys, now), by, nbf, exp };
    });
    const keys = await Promise.all(listing);
    const rows = keys.map(({ kid, purpose, kty, half, fingerprint, state, since, by, nbf, exp }) => [
      kid,
      purpose,
      half === "public" ? `${kty}, public` : kty,
      fingerprint.slice(0, 11),
      by === "asset" ? `${state} (by asset)` : state,
      ...[since, nbf, exp].map((time) => (isUnixSeconds(time) ? rfc3339(time) : "-")),
    ]);
    const next: Partial<Record<RotatedPurpose, NextStep>> = {};
    for (const purpose of rotatedPurposes)
      if (keys.some((key) => key.purpose === purpose))
        next[purpose] = nextStep(purpose, ring.keys, timesOf(purpose, deployment, now));
    if (keys.length === 0) return good("The ring is empty.", { keys, next });
    const steps = rotatedPurposes.flatMap((purpose) => {
      const step = next[purpose];
      return step === undefined ? [] : [[purpose, describeStep(step, ring.keys, purpose, ringFileOf(given), now)]];
    });
    const listed = table([["KID", "PURPOSE", "TYPE", "FINGERPRINT", "STATE", "SINCE", "NBF", "EXP"], ...rows]);
    return good(`${listed}\n\n${table([["PURPOSE", "NEXT STEP"], ...steps])}`, { keys, next });
  },
};

export const keysForCommand: Command = {
  name: "keys for",
  summary: "print the part of the ring that a worker needs, including secrets",
  operands: ["<api|manifest|edge>"],
  options: ringOption,
  help: `Prints a worker's part of the key ring as JSON, for its secret STAGEDOOR_KEYS. The output contains secrets, so pipe it
as in

  npx stagedoor keys for edge --ring keys.json | npx wrangler secret put STAGEDOOR_KEYS --env production

The edge and the API worker get no private half of a CloudFront key, and no worker gets a key that signs bearer tokens or
operators' credentials: the API gets their public halves. No worker gets a retired key.

  --ring <file>        the key ring (.stagedoor/keys.json of the project)`,
  run: async (given) => {
    const worker = workerNames.find((name) => name === given.operands[0]);
    if (worker === undefined) return endMisused(`Name a worker: ${workerNames.join(", ")}.`);
    const ring = ringFor(worker, await readRing(given));
    if (ring.keys.length === 0)
      return failed("The ring holds no key for this worker. `npx stagedoor keys new --purpose session` makes one.");
    const faults = refusedOf(ring);
    if (faults.length > 0)
      return failed(`A worker would refuse this part of the ring, and with it every request:\n${faults.join("\n")}`);
    const { keys } = ring;
    const dev = keys.some(({ kid }) => kid.startsWith(devKidPrefix));
    return good(
      JSON.stringify({ keys }),
      { keys },
      dev
        ? "These are development keys: a worker accepts them only with STAGEDOOR_ENV=development. --ring names another ring."
        : undefined,
    );
  },
};

/** The faults that a worker would find in its keys, whatever its other settings are. */
function refusedOf(ring: KeyRing): readonly string[] {
  const read = readConfiguration({ STAGEDOOR_ENV: "development", STAGEDOOR_KEYS: JSON.stringify(ring) });
  return read.ok ? [] : read.refusal.filter((fault) => fault.startsWith("STAGEDOOR_KEYS:"));
}
