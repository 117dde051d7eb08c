import { isUnixSeconds, rfc3339, systemClock } from "../../src/base/time.ts";
import { devKidPrefix, readConfiguration, ringFor, workerNames } from "../../src/config/configuration.ts";
import { fingerprintOf } from "../../src/keys/key-material.ts";
import { keyStateOf, signsByAsset } from "../../src/keys/life.ts";
import type { KeyRing } from "../../src/keys/ring.ts";
import { type NextStep, nextStep, type RotatedPurpose, rotatedPurposes, sinceWhen } from "../../src/keys/rotation.ts";
import { type Command, endMisused, failed, shownWord, succeeded } from "../lib/command.ts";
import { readRing, ringFileOf, ringOption } from "../lib/files.ts";
import { table } from "../lib/text.ts";
import { describeStep, rotationContextOf, rotationHelp, rotationOptions, timesOf } from "./rotation-times.ts";

export const keysListCommand: Command = {
  name: "keys list",
  summary: "list the keys of a ring and their next steps, never their secrets",
  operands: [],
  options: { ...ringOption, ...rotationOptions },
  help: `Lists the keys of a ring with their fingerprints and states, then the next step of each purpose and when npx stagedoor keys
rotate can take it. Never prints secrets. Compare the fingerprints with those of a deployment (GET /operator/keys): the
table shows their first characters, --json whole fingerprints.

  next       the workers accept its signatures, and do not sign with it yet
  active     the workers sign with it; "by asset": only for assets that name it as keyPairId
  retiring   the workers still accept its signatures, and sign with another key
  retired    its signatures are refused: no worker receives it

${rotationHelp}
  --ring <file>          the key ring (.stagedoor/keys.json of the project)`,
  run: async (args) => {
    const now = systemClock();
    const ring = await readRing(args);
    const context = await rotationContextOf(args);
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
        next[purpose] = nextStep(purpose, ring.keys, timesOf(purpose, context, now));
    if (keys.length === 0) return succeeded("The ring is empty.", { keys, next });
    const steps = rotatedPurposes.flatMap((purpose) => {
      const step = next[purpose];
      return step === undefined ? [] : [[purpose, describeStep(step, ring.keys, purpose, ringFileOf(args), now)]];
    });
    const listed = table([["KID", "PURPOSE", "TYPE", "FINGERPRINT", "STATE", "SINCE", "NBF", "EXP"], ...rows]);
    return succeeded(`${listed}\n\n${table([["PURPOSE", "NEXT STEP"], ...steps])}`, { keys, next });
  },
};

export const keysForCommand: Command = {
  name: "keys for",
  summary: "print the part of the ring that a worker needs, including secrets",
  operands: ["<api|manifest|edge>"],
  options: ringOption,
  help: `Prints a worker's part of the key ring as JSON, for its secret STAGEDOOR_KEYS. The output contains secrets: pipe it, and
do not write it to a file.

  npx stagedoor keys for edge --ring keys.json | npx wrangler secret put STAGEDOOR_KEYS --env production

The edge and the API worker receive no private half of a CloudFront key. No worker receives a private half that signs bearer
tokens or the credentials of operators or backends; the API receives the public halves. No worker receives a retired key.

  --ring <file>        the key ring (.stagedoor/keys.json of the project)`,
  run: async (args) => {
    const worker = workerNames.find((name) => name === args.operands[0]);
    if (worker === undefined)
      return endMisused(
        args.operands[0] === "identity"
          ? "The identity worker has no part of the key ring: name api, manifest or edge."
          : `<worker> must be api, manifest or edge, not ${shownWord(args.operands[0] ?? "")}.`,
      );
    const ring = ringFor(worker, await readRing(args));
    if (ring.keys.length === 0)
      return failed("The ring has no key for this worker. `npx stagedoor keys new --purpose session` makes one.");
    const errors = errorsOf(ring);
    if (errors.length > 0)
      return failed(`The worker would refuse this part of the ring, and with it every request:\n${errors.join("\n")}`);
    const { keys } = ring;
    const hasDevKey = keys.some(({ kid }) => kid.startsWith(devKidPrefix));
    return succeeded(
      JSON.stringify({ keys }),
      { keys },
      hasDevKey
        ? "These are development keys: a worker accepts them only with STAGEDOOR_ENV=development. --ring names another ring."
        : undefined,
    );
  },
};

/** The errors that a worker would report about its keys. */
function errorsOf(ring: KeyRing): readonly string[] {
  const read = readConfiguration({ STAGEDOOR_ENV: "development", STAGEDOOR_KEYS: JSON.stringify(ring) });
  return read.ok ? [] : read.refusal.filter((error) => error.startsWith("STAGEDOOR_KEYS:"));
}
