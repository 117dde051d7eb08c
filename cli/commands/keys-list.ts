import { isUnixSeconds, rfc3339, systemClock } from "../../src/base/seconds.ts";
import { fingerprintOf } from "../../src/keys/fingerprint.ts";
import { keyStateOf, signsByAsset } from "../../src/keys/life.ts";
import { type NextStep, nextStep, type RotatedPurpose, rotatedPurposes, sinceWhen } from "../../src/keys/rotation.ts";
import type { Command } from "./command.ts";
import { readRing, ringFileOf, ringOption } from "./files.ts";
import { good } from "./outcome.ts";
import { deploymentOf, rotationHelp, rotationOptions, timesOf } from "./rotation-times.ts";
import { stepWords } from "./rotation-words.ts";
import { table } from "./table.ts";

export const keysListCommand: Command = {
  name: "keys list",
  summary: "list the keys of a ring and their next steps, never their secrets",
  operands: [],
  options: { ...ringOption, ...rotationOptions },
  help: `Lists a ring's keys: kid, purpose, type, fingerprint, state, since when, and the window; then the next step of each purpose
and when npx stagedoor keys rotate may take it. Never a secret. By the fingerprint a key is compared with those that
/operator/keys shows of a deployment; the table has its first characters, and --json all of it.

  next       verifiers know it, and nobody signs with it
  active     it signs; a cloudfront key "by asset" for the assets that name it as keyPairId
  retiring   what it signed is taken, and another signs
  retired    nobody takes it any more: no worker is given it

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
      return step === undefined ? [] : [[purpose, stepWords(step, ring.keys, purpose, ringFileOf(given), now)]];
    });
    const listed = table([["KID", "PURPOSE", "TYPE", "FINGERPRINT", "STATE", "SINCE", "NBF", "EXP"], ...rows]);
    return good(`${listed}\n\n${table([["PURPOSE", "NEXT STEP"], ...steps])}`, { keys, next });
  },
};
