import type { UnixSeconds } from "../../src/base/time.ts";
import type { RingKey } from "../../src/keys/key.ts";
import { inUse, keyStateOf } from "../../src/keys/life.ts";
import type { KeyRing } from "../../src/keys/ring.ts";
import {
  activated,
  introduced,
  type NextStep,
  type RotatedPurpose,
  type RotationTimes,
  replacedAtOnce,
  retired,
  settled,
  sinceWhen,
  soonest,
  type WaitingStep,
  waitingSteps,
} from "../../src/keys/rotation.ts";
import { endFailed, endMisused } from "../lib/command.ts";
import { ringArgument, uploadCommand } from "../lib/ring-file.ts";
import { isBound } from "./bind-key.ts";
import { type Deployment, liveMismatch, timeIn } from "./rotation-times.ts";

/** What a rotation is asked to do, and with what. */
export interface Rotation {
  readonly purpose: RotatedPurpose;
  readonly file: string;
  readonly deployment: Deployment;
  readonly times: RotationTimes;
  /** A new key is wanted, also where one that retires waits for its time. */
  readonly introduce: boolean;
  /** The options given that say what a new key shall be, `--kid`: where none is made, they are a mistake. */
  readonly ofNewKey: readonly string[];
  /** Makes the key that comes next. */
  readonly makeKey: (ring: KeyRing) => Promise<RingKey>;
}

/** What became of a ring: a step that was taken, or one that waits and why. */
export interface Rotated {
  readonly keys: readonly RingKey[];
  readonly result: Taken | { readonly refused: string; readonly waits: WaitingStep };
}

/** A step that was taken. */
export interface Taken {
  readonly step: NextStep["step"] | "at once";
  readonly kid: string;
  readonly before: string | undefined;
  /** The assets that name the key which is gone, and cannot be played until they do not. */
  readonly stranded: readonly string[];
}

export const catalogWanted =
  "Name the catalog, --api and --bearer for the one that is live or --catalog <file>: an asset that names a key goes on being signed with it.";

/**
 * The step that is asked for. A public half alone holds up none, and is the step where there is no other; that it is refused says
 * what it needs.
 */
export function stepAsked(keys: readonly RingKey[], rotation: Rotation): NextStep {
  const all = waitingSteps(rotation.purpose, keys, rotation.times);
  const waiting = all.filter(({ step, kid }) => step === "retire" || canSign(keys.find((key) => key.kid === kid)));
  const next = waiting.find(({ step }) => step === "activate");
  if (rotation.introduce && next !== undefined)
    endMisused(
      `${next.kid} is next already: leave --introduce out, and keys rotate activates it when its time has come.`,
    );
  const step: NextStep = rotation.introduce ? { step: "introduce" } : soonest(waiting.length > 0 ? waiting : all);
  const [option] = rotation.ofNewKey;
  if (option !== undefined && step.step !== "introduce")
    endMisused(
      `${option} is for a new key, and the next step is to ${step.step} ${step.kid}: leave it out${step.step === "retire" ? ", or bring one in with --introduce" : ""}.`,
    );
  return step;
}

/** Takes the next step, except one that would break a running session; then the ring stays as it is. */
export async function rotateRing(ring: KeyRing, rotation: Rotation): Promise<Rotated> {
  const { purpose, times } = rotation;
  const { now } = times;
  const step = stepAsked(ring.keys, rotation);
  const before = inUse(ring.keys, purpose, now)?.kid;
  const taken = { before, stranded: [] };
  if (step.step === "introduce") {
    const key = await rotation.makeKey(ring);
    const result = { ...taken, step: step.step, kid: key.kid };
    return { keys: introduced(ring.keys, key, purpose, now), result };
  }
  const refused = await refusalOf(step, before, ring, rotation);
  if (refused !== undefined) {
    const { keys = ring.keys, because } = refused;
    const waits = waitingSteps(purpose, keys, times).find(({ kid }) => kid === step.kid) ?? step;
    return { keys, result: { refused: because, waits } };
  }
  if (purpose === "cloudfront" && rotation.deployment.assets === undefined) endMisused(catalogWanted);
  const keys =
    step.step === "activate"
      ? activated(ring.keys, step.kid, purpose, now, namedKeys(rotation))
      : retired(ring.keys, step.kid, purpose, now);
  return { keys, result: { ...taken, step: step.step, kid: step.kid } };
}

/** Ends the key that signs, with all that it signed; the one that waits signs at once, or a new one. */
export async function rotateAtOnce(ring: KeyRing, rotation: Rotation): Promise<Rotated> {
  const { purpose, times, file, deployment } = rotation;
  const { now } = times;
  const before = inUse(ring.keys, purpose, now)?.kid;
  const waiting = waitingSteps(purpose, ring.keys, times).filter(({ step }) => step === "activate");
  const keyOf = (kid: string) => ring.keys.find((key) => key.kid === kid);
  const ready = waiting.find(
    ({ kid }) => canSign(keyOf(kid)) && (purpose !== "cloudfront" || isBound(keyOf(kid), file)),
  );
  if (ready === undefined && purpose === "cloudfront")
    endFailed(
      "CloudFront would refuse what a key signs that it does not have. First bring one in: `npx stagedoor keys rotate --purpose cloudfront --introduce`, `keys export`, `keys bind`; then `--at-once`. To stop the leaked key meanwhile, take it out of CloudFront's key group.",
    );
  if (purpose === "cloudfront" && deployment.assets === undefined) endMisused(catalogWanted);
  const [option] = rotation.ofNewKey;
  if (ready !== undefined && option !== undefined)
    endMisused(`${option} is for a new key, and ${ready.kid} is next, which signs then: leave it out.`);
  const key = ready === undefined ? await rotation.makeKey(ring) : undefined;
  const keys = key === undefined ? ring.keys : introduced(ring.keys, key, purpose, now);
  const kid = ready?.kid ?? key?.kid ?? "";
  const named = deployment.assets?.filter(({ cloudfront }) => before !== undefined && cloudfront?.keyPairId === before);
  const stranded = purpose === "cloudfront" ? (named ?? []).map(({ id }) => id) : [];
  const result = { step: "at once" as const, kid, before, stranded };
  return { keys: replacedAtOnce(keys, kid, purpose, now, namedKeys(rotation)), result };
}

/** The CloudFront keys that assets name. */
function namedKeys({ deployment }: Pick<Rotation, "deployment">): ReadonlySet<string> {
  return new Set(deployment.assets?.flatMap(({ cloudfront }) => cloudfront?.keyPairId ?? []));
}

/** Why a step is refused, and the changes of the ring that are written all the same. */
interface StepRefused {
  readonly because: string;
  readonly keys?: readonly RingKey[];
}

/** Whether a key has what it takes to sign: the ring may hold a public half alone. */
function canSign(key: RingKey | undefined): boolean {
  return key !== undefined && (key.kty === "oct" || key.d !== undefined);
}

/** What is against a step that waits; undefined where it may be taken. */
async function refusalOf(step: WaitingStep, before: string | undefined, ring: KeyRing, rotation: Rotation) {
  return (
    halved(step, ring) ??
    pinned(step, before, ring, rotation) ??
    unbound(step, ring, rotation) ??
    (await notGiven(step, ring, rotation)) ??
    tooEarly(step, ring, rotation)
  );
}

function halved({ step, kid }: WaitingStep, ring: KeyRing): StepRefused | undefined {
  if (step !== "activate" || canSign(ring.keys.find((key) => key.kid === kid))) return undefined;
  return {
    because: `The ring has the public half of ${kid} alone, which signs nothing: import the private half (npx stagedoor keys import --purpose cloudfront
--in <PEM file> --kid ${kid}), or add a new key with --introduce. Nothing was changed.`,
  };
}

/** An asset's own key signs whatever state it has: nobody could say when what it signed has ended. */
function pinned(
  { step, kid }: WaitingStep,
  before: string | undefined,
  ring: KeyRing,
  { purpose, deployment }: Rotation,
): StepRefused | undefined {
  const leaving = step === "retire" ? kid : before;
  const pins = deployment.assets?.filter(({ cloudfront }) => cloudfront?.keyPairId === leaving) ?? [];
  if (purpose !== "cloudfront" || leaving === undefined || pins.length === 0) return undefined;
  const ids = pins.map(({ id }) => id).join(", ");
  if (step === "activate")
    return {
      because: `The catalog names ${leaving} for ${ids}. Take keyPairId out there: the ring's active key signs then, which is ${leaving}
until this step. Nothing was changed.`,
    };
  return {
    because: `${leaving} signs for ${ids} still. Take keyPairId out of the catalog there, and run this again: its time counts from then.`,
    keys: ring.keys.map((key) => (key.kid === kid ? { ...key, since: undefined } : key)),
  };
}

function unbound({ step, kid }: WaitingStep, ring: KeyRing, { purpose, file }: Rotation): StepRefused | undefined {
  const key = ring.keys.find((other) => other.kid === kid);
  if (purpose !== "cloudfront" || step !== "activate" || isBound(key, file)) return undefined;
  return {
    because: `CloudFront does not know ${kid} yet: give it the public half (npx stagedoor keys export --purpose cloudfront --format …${ringArgument(file)}), and record
the id that it answers with: npx stagedoor keys bind --kid ${kid} --id <id>${ringArgument(file)}. Nothing was changed.`,
  };
}

/** The workers do not have the step before: whatever the file says, its time counts from when they get it. */
async function notGiven(step: WaitingStep, ring: KeyRing, rotation: Rotation): Promise<StepRefused | undefined> {
  const { purpose, times, deployment, file } = rotation;
  const behind = deployment.live && (await liveMismatch(step, ring.keys, purpose, times, deployment.live));
  if (behind === undefined) return undefined;
  const keys = settled(ring.keys, purpose, times.now).map((key) =>
    key.kid === step.kid && key.state !== undefined ? { ...key, since: times.now } : key,
  );
  return {
    because: `The workers do not have what the ring's file says: ${behind}. The time to ${step.step} ${step.kid} counts from now. Give it to them:
${uploadCommand(file)}`,
    keys,
  };
}

function tooEarly(
  { step, kid, from }: WaitingStep,
  ring: KeyRing,
  { times, purpose }: Rotation,
): StepRefused | undefined {
  const { now } = times;
  if (now >= from) return undefined;
  const when = timeIn(from, now);
  // From then on it is known since when it waits: else its time would never come.
  if (countsFromNow(kid, ring, purpose, now))
    return {
      because: `The ring did not say since when ${kid} waits, so it counts from now: ${step} it from ${when} on.`,
      keys: settled(ring.keys, purpose, now),
    };
  return {
    because:
      step === "activate"
        ? `Too early: ${kid} can sign from ${when}, when every worker has it. Nothing was changed.`
        : `Too early: ${kid} can be retired from ${when}: until then its signatures may be valid. Nothing was changed.
To get a new key before that, add one with --introduce.`,
  };
}

function countsFromNow(kid: string, ring: KeyRing, purpose: RotatedPurpose, now: UnixSeconds): boolean {
  const key = ring.keys.find((other) => other.kid === kid && other.purpose === purpose);
  if (key === undefined || (key.state === undefined && keyStateOf(key, ring.keys, now) === "next")) return false;
  return sinceWhen(key, ring.keys, now) === undefined;
}
