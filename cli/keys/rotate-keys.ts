import { later, rfc3339, systemClock, type UnixSeconds } from "../../src/base/time.ts";
import type { RingKey } from "../../src/keys/key.ts";
import { inUse } from "../../src/keys/life.ts";
import type { KeyRing } from "../../src/keys/ring.ts";
import {
  activated,
  introduced,
  nextStep,
  type RotatedPurpose,
  retired,
  rotatedPurposes,
} from "../../src/keys/rotation.ts";
import { type Command, endMisused, failed, type Given, good, type Outcome } from "../lib/command.ts";
import { readRing, ringFileOf, ringOption, shortName } from "../lib/files.ts";
import { type KeyKind, makeKey, nameOf, newKid } from "../lib/make-key.ts";
import { changeRing, ringArgument, uploadCommand } from "../lib/ring-file.ts";
import { table } from "../lib/text.ts";
import { ownKid } from "./bind-key.ts";
import { type Rotation, rotateAtOnce, rotateRing, stepAsked, type Taken } from "./rotate-ring.ts";
import {
  deploymentOf,
  describeStep,
  lengthOf,
  rotationHelp,
  rotationOptions,
  timeIn,
  timesOf,
  workersFor,
} from "./rotation-times.ts";

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

No step is allowed while it would break a running session: the command exits with 1 and prints when it is allowed.

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
    if (purpose === "cloudfront") ownKid(kid);
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
  return good(
    `${stepDone(result, rotation)}\n\nNext step: ${describeStep(next, keys, purpose, file, times.now)}.`,
    json,
  );
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

interface PlannedStep {
  readonly step: "introduce" | "activate" | "retire";
  readonly kid: string;
  readonly from: UnixSeconds;
  /** The key whose place it takes. */
  readonly before: string | undefined;
}

/** The rest of a ring's rotation, each step at its earliest time. */
async function planText(ring: KeyRing, rotation: Rotation): Promise<Outcome> {
  const { purpose, times, deployment } = rotation;
  const steps = await planOf(ring, rotation);
  const rows = steps.map(({ step, kid, from }) => [
    step,
    kid,
    from <= times.now ? "now" : timeIn(from, times.now),
    workersFor(purpose, step).join(", "),
  ]);
  const unsaid = [
    ...(deployment.assets === undefined ? ["--catalog"] : []),
    ...(deployment.sessionTtl === undefined ? ["--session-ttl"] : []),
  ];
  const assumption =
    purpose === "operator"
      ? "A credential lasts until the end that `operator new` recorded, or 366 days where it recorded none."
      : `What a key signed holds for ${lengthOf(times.longest)} at most${
          unsaid.length === 0
            ? ""
            : `, assuming sessions of 7 days: give --api and --bearer, or ${unsaid.join(" and ")}`
        }.`;
  const pins = pinsOf(steps, rotation);
  const told = [...new Set(pins.map(({ keyPairId }) => keyPairId))].map(
    (kid) =>
      `\nThe catalog names ${kid} for ${pins
        .filter(({ keyPairId }) => keyPairId === kid)
        .map(({ asset }) => asset)
        .join(", ")}: as long as it does, no other is activated in its place, and it is not retired.`,
  );
  const text = `${table([["STEP", "KEY", "FROM", "WORKERS THAT NEED IT THEN"], ...rows])}

Nothing was changed. ${assumption}
Workers are given ${lengthOf(times.headStart)} to have a new ring (--head-start).${told.join("")}`;
  return good(text, {
    purpose,
    plan: steps.map(({ step, kid, from }) => ({ step, kid, from, at: rfc3339(from) })),
    pins,
    longest: times.longest,
    headStart: times.headStart,
  });
}

/** The assets that name a key which the plan lets go. */
function pinsOf(steps: readonly PlannedStep[], { purpose, deployment }: Rotation) {
  if (purpose !== "cloudfront") return [];
  const leaving = new Set(steps.flatMap(({ step, kid, before }) => (step === "retire" ? kid : (before ?? []))));
  return (deployment.assets ?? []).flatMap(({ id, cloudfront }) => {
    const keyPairId = cloudfront?.keyPairId;
    return keyPairId !== undefined && leaving.has(keyPairId) ? [{ asset: id, keyPairId }] : [];
  });
}

async function planOf(ring: KeyRing, rotation: Rotation): Promise<readonly PlannedStep[]> {
  const { purpose, times, makeKey } = rotation;
  const steps: PlannedStep[] = [];
  let { keys } = ring;
  let { now } = times;
  while (steps.length < 8) {
    // What was asked for is the first step; the others follow from it.
    const asked = steps.length === 0 ? rotation : { ...rotation, introduce: false, ofNewKey: [] };
    const step = stepAsked(keys, { ...asked, times: { ...times, now } });
    const before = inUse(keys, purpose, now)?.kid;
    if (step.step === "introduce") {
      if (steps.length > 0) break;
      const key = await makeKey({ keys });
      keys = introduced(keys, key, purpose, now);
      steps.push({ step: "introduce", kid: key.kid, from: now, before: undefined });
      continue;
    }
    now = later(now, step.from);
    keys = step.step === "activate" ? activated(keys, step.kid, purpose, now) : retired(keys, step.kid, purpose, now);
    steps.push({ step: step.step, kid: step.kid, from: now, before });
  }
  return steps;
}

/** What a step did, and what to do now. */
function stepDone({ step, kid, before, stranded }: Taken, { purpose, file, times }: Rotation): string {
  const give = uploadCommand(file);
  switch (step) {
    case "introduce":
      if (before === undefined) return `${kid} is in the ring.\n\n${known(purpose, kid, file, give)}`;
      return `${kid} is staged. Deploy it to all workers; ${before} keeps signing.\n\n${known(purpose, kid, file, give)}`;
    case "activate":
      return `${kid} is active${before === undefined ? "" : `, and ${before} is retiring: it verifies, and does not sign`}.

Now: ${signs[purpose]}, within ${lengthOf(times.headStart)}:
${give}`;
    case "retire":
      return `${kid} is retired: nobody takes it any more.

Now: take it from the workers:
${give}${purpose === "cloudfront" ? `\nand from CloudFront's key group: apply what \`npx stagedoor keys export --purpose cloudfront --format …${ringArgument(file)}\` prints, which leaves it out.` : ""}
Then take it out of the file: npx stagedoor keys remove --kid ${kid}${ringArgument(file)}`;
    case "at once":
      return `${kid} signs now, and ${before ?? "no key before it"} is retired.
${refuses[purpose]}${stranded.length === 0 ? "" : `\n${stranded.join(", ")} cannot be played: the catalog names ${before} there. Take keyPairId out (npx stagedoor assets add --replace); then ${kid} signs.`}

Now, without delay:
${give}${before === undefined ? "" : `\n${alsoNow(purpose, before)}`}`;
  }
}

function known(purpose: RotatedPurpose, kid: string, file: string, give: string): string {
  if (purpose !== "cloudfront")
    return `Now: give it to the workers, which get it in the order that refuses nobody:\n${give}`;
  return `Now: give CloudFront its public half, in a key group with the others (cloudformation, terraform or aws-cli):
  npx stagedoor keys export --purpose cloudfront --format cloudformation${ringArgument(file)}
record the id that CloudFront gave it, from when on its time counts:
  npx stagedoor keys bind --kid ${kid} --id <id>${ringArgument(file)}
and give it to the workers:
${give}`;
}

const signs: Readonly<Record<RotatedPurpose, string>> = {
  session: "let the API sign with it",
  cloudfront: "let the manifest worker sign with it, and the API know",
  operator: "`npx stagedoor operator new` signs with it; let the API know",
};

const refuses: Readonly<Record<RotatedPurpose, string>> = {
  session:
    "Every session that it opened is refused from then on that the workers have the new ring: viewers have to start again.",
  cloudfront:
    "Every segment URL that it signed is refused once CloudFront's key group does without it: players stop until they load their playlist again.",
  operator: "Every operator's credential that it signed is refused: make new ones with npx stagedoor operator new.",
};

function alsoNow(purpose: RotatedPurpose, before: string): string {
  return purpose === "cloudfront"
    ? `and take ${before} out of CloudFront's key group first of all: it is CloudFront that refuses.`
    : `Isolates may go on with the old ring for a while; this ends the key in all of them within seconds:
  npx stagedoor revoke --key ${before}`;
}
