import { systemClock, type UnixSeconds } from "../../src/base/seconds.ts";
import type { RingKey } from "../../src/keys/key.ts";
import { inUse } from "../../src/keys/life.ts";
import { nextStep, type RotatedPurpose, rotatedPurposes } from "../../src/keys/rotation.ts";
import { nameOfOnesOwn } from "./cloudfront-id.ts";
import type { Command, Given } from "./command.ts";
import { readRing, ringFileOf, ringOption, shortName } from "./files.ts";
import { type KeyKind, makeKey, nameOf } from "./new-key.ts";
import { newKid } from "./new-kid.ts";
import { endMisused, failed, good, type Outcome } from "./outcome.ts";
import { changeRing } from "./ring-file.ts";
import { type Rotation, rotateAtOnce, rotateRing } from "./rotate-ring.ts";
import { stepDone } from "./rotation-done.ts";
import { planText } from "./rotation-plan.ts";
import { deploymentOf, rotationHelp, rotationOptions, timesOf } from "./rotation-times.ts";
import { stepWords, workersFor } from "./rotation-words.ts";

export const keysRotateCommand: Command = {
  name: "keys rotate",
  summary: "take the next step in the life of a purpose's keys",
  operands: [],
  options: {
    ...ringOption,
    ...rotationOptions,
    purpose: { type: "string" },
    type: { type: "string" },
    kid: { type: "string" },
    "dry-run": { type: "boolean" },
    "at-once": { type: "boolean" },
    introduce: { type: "boolean" },
  },
  help: `Takes the next step in the life of a purpose's keys, and says what to do now and when the next one may be taken:

  introduce   a new key comes into the ring as next: verifiers take it, and nobody signs with it
  activate    it signs; the key before it is retiring: it verifies, and does not sign
  retire      the retiring key leaves the workers' rings

A step that would refuse a running session is not taken: the command ends with 1 and says from when it may be.

  --purpose <purpose>    session, cloudfront or operator (session)
  --dry-run              change nothing: show the whole rotation with its times
  --introduce            a new key now, although one that is retiring waits for its time
  --at-once              for a key that leaked: it ends now, with all that it signed, and another signs
  --type rsa|ec          of a new cloudfront key (as the one that signs)
  --kid <id>             the name of a new key (made up)
${rotationHelp}
  --ring <file>          the key ring (.stagedoor/keys.json of the project)`,
  run: async (given) => {
    const purpose = readPurpose(given.one("purpose") ?? "session");
    const file = ringFileOf(given);
    const ring = await readRing(given); // so that a ring that is not there is not made
    const now = systemClock();
    const deployment = await deploymentOf(given);
    const times = timesOf(purpose, deployment, now);
    const kind = readKind(given, purpose, ring.keys, now);
    const kid = given.one("kid") ?? newKid(nameOf(kind), file);
    if (!/^[A-Za-z0-9._-]{1,64}$/.test(kid)) endMisused("--kid takes 1 to 64 characters of A-Z a-z 0-9 . _ -.");
    if (purpose === "cloudfront") nameOfOnesOwn(kid);
    if (given.on("at-once") && (given.on("dry-run") || given.on("introduce")))
      endMisused(`Take ${given.on("dry-run") ? "--dry-run" : "--introduce"} or --at-once.`);
    const introduce = given.on("introduce");
    const ofNewKey = ["kid", "type"].filter((name) => given.one(name) !== undefined).map((name) => `--${name}`);
    const rotation: Rotation = {
      purpose,
      file,
      deployment,
      times,
      introduce,
      ofNewKey,
      makeKey: newKeyOf(kind, kid, file, now),
    };
    if (given.on("dry-run")) return planText(ring, rotation);
    const take = given.on("at-once") ? rotateAtOnce : rotateRing;
    const { keys, result } = await changeRing(file, async (current) => {
      const rotated = await take(current, rotation);
      return { keys: rotated.keys, result: rotated };
    });
    return outcomeOf(keys, result, rotation);
  },
};

function outcomeOf(
  keys: readonly RingKey[],
  result: Awaited<ReturnType<typeof rotateRing>>["result"],
  rotation: Rotation,
): Outcome {
  const { purpose, file, times } = rotation;
  if ("refused" in result) return failed(result.refused, { purpose, waits: result.waits, ring: file });
  const next = nextStep(purpose, keys, times);
  const { step, kid, before, stranded } = result;
  const json = { purpose, step, kid, before, stranded, give: workersFor(purpose, step), next, ring: file };
  return good(`${stepDone(result, rotation)}\n\nNext step: ${stepWords(next, keys, purpose, file, times.now)}.`, json);
}

function readPurpose(text: string): RotatedPurpose {
  return (
    rotatedPurposes.find((purpose) => purpose === text) ??
    endMisused("--purpose takes session, cloudfront or operator.")
  );
}

function readKind(given: Given, purpose: RotatedPurpose, keys: readonly RingKey[], now: UnixSeconds): KeyKind {
  const type = given.one("type");
  if (purpose !== "cloudfront")
    return type === undefined ? purpose : endMisused("--type is for --purpose cloudfront: other keys have one type.");
  if (type === "rsa" || type === "ec") return type;
  return type === undefined
    ? inUse(keys, purpose, now)?.kty === "RSA"
      ? "rsa"
      : "ec"
    : endMisused("--type takes rsa (2048 bits) or ec (P-256, 15 times faster).");
}

function newKeyOf(kind: KeyKind, kid: string, file: string, now: UnixSeconds): Rotation["makeKey"] {
  return async (ring) =>
    ring.keys.some((other) => other.kid === kid)
      ? endMisused(`${shortName(file)} has a key with the kid "${kid}" already: choose another with --kid.`)
      : makeKey(kind, kid, now);
}
