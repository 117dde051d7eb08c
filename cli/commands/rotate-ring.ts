import type { UnixSeconds } from "../../src/base/seconds.ts";
import type { RingKey } from "../../src/keys/key.ts";
import { inUse, keyStateOf } from "../../src/keys/life.ts";
import type { KeyRing } from "../../src/keys/ring.ts";
import {
  type NextStep,
  nextStep,
  type RotatedPurpose,
  type RotationTimes,
  sinceWhen,
  type WaitingStep,
  waitingSteps,
} from "../../src/keys/rotation.ts";
import { activated, introduced, replacedAtOnce, retired, settled } from "../../src/keys/take-step.ts";
import { isBound } from "./cloudfront-id.ts";
import { ringWords } from "./give-keys.ts";
import { endFailed, endMisused } from "./outcome.ts";
import type { Deployment } from "./rotation-times.ts";
import { timeIn } from "./rotation-words.ts";

/** What a rotation is asked to do, and with what. */
export interface Rotation {
  readonly purpose: RotatedPurpose;
  readonly file: string;
  readonly deployment: Deployment;
  readonly times: RotationTimes;
  /** Makes the key that comes next. */
  readonly makeKey: (ring: KeyRing) => Promise<RingKey>;
}

/** What became of a ring: a step that was taken, or one that waits and why. */
export interface Rotated {
  readonly keys: readonly RingKey[];
  readonly result:
    | { readonly step: NextStep["step"] | "at once"; readonly kid: string; readonly before: string | undefined }
    | { readonly refused: string; readonly waits: WaitingStep };
}

/** Takes the next step. One that would refuse a running session is not taken; then the ring stays as it is. */
export async function rotateRing(ring: KeyRing, rotation: Rotation): Promise<Rotated> {
  const { purpose, times } = rotation;
  const { now } = times;
  const step = nextStep(purpose, ring.keys, times);
  const before = inUse(ring.keys, purpose, now)?.kid;
  if (step.step === "introduce") {
    const key = await rotation.makeKey(ring);
    return { keys: introduced(ring.keys, key, purpose, now), result: { step: "introduce", kid: key.kid, before } };
  }
  const named = namedKeys(rotation);
  const refused = pinned(step, before, ring, rotation) ?? unbound(step, rotation) ?? tooEarly(step, ring, rotation);
  if (refused !== undefined)
    return { keys: refused.keys ?? ring.keys, result: { refused: refused.because, waits: step } };
  if (purpose === "cloudfront" && rotation.deployment.assets === undefined)
    endMisused("Name the catalog, --catalog <file>: an asset that names a key goes on being signed with it.");
  const keys =
    step.step === "activate"
      ? activated(ring.keys, step.kid, purpose, now, named)
      : retired(ring.keys, step.kid, purpose, now);
  return { keys, result: { step: step.step, kid: step.kid, before } };
}

/** Ends the key that signs, with all that it signed; the one that waits signs at once, or a new one. */
export async function rotateAtOnce(ring: KeyRing, rotation: Rotation): Promise<Rotated> {
  const { purpose, times } = rotation;
  const { now } = times;
  const before = inUse(ring.keys, purpose, now)?.kid;
  const waiting = waitingSteps(purpose, ring.keys, times).filter(({ step }) => step === "activate");
  const ready = waiting.find(({ kid }) => purpose !== "cloudfront" || isBound(kid, rotation.file));
  if (ready === undefined && purpose === "cloudfront")
    endFailed(
      "CloudFront would refuse what a key signs that it does not have. First bring one in: `npx stagedoor keys rotate --purpose cloudfront`, `keys export`, `keys bind`; then `--at-once`. To stop the leaked key meanwhile, take it out of CloudFront's key group.",
    );
  const key = ready === undefined ? await rotation.makeKey(ring) : undefined;
  const keys = key === undefined ? ring.keys : introduced(ring.keys, key, purpose, now);
  const kid = ready?.kid ?? key?.kid ?? "";
  const result = { step: "at once" as const, kid, before };
  return { keys: replacedAtOnce(keys, kid, purpose, now, namedKeys(rotation)), result };
}

/** The CloudFront keys that assets name. */
function namedKeys({ deployment }: Pick<Rotation, "deployment">): ReadonlySet<string> {
  return new Set(deployment.assets?.flatMap(({ cloudfront }) => cloudfront?.keyPairId ?? []));
}

function countsFromNow(kid: string, ring: KeyRing, purpose: RotatedPurpose, now: UnixSeconds): boolean {
  const key = ring.keys.find((other) => other.kid === kid && other.purpose === purpose);
  if (key === undefined || (key.state === undefined && keyStateOf(key, ring.keys, now) === "next")) return false;
  return sinceWhen(key, ring.keys, now) === undefined;
}

/** Why a step is not taken, and what is written down of it all the same. */
interface NotTaken {
  readonly because: string;
  readonly keys?: readonly RingKey[];
}

function tooEarly({ step, kid, from }: WaitingStep, ring: KeyRing, { times, purpose }: Rotation): NotTaken | undefined {
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
        ? `Too early: ${kid} may sign from ${when} on, so that every worker has it by then. Nothing was changed.`
        : `Too early: ${kid} may go from ${when} on, since what it signed may hold until then. Nothing was changed.`,
  };
}

function unbound({ step, kid }: WaitingStep, { purpose, file }: Rotation): NotTaken | undefined {
  if (purpose !== "cloudfront" || step !== "activate" || isBound(kid, file)) return undefined;
  return {
    because: `CloudFront does not know ${kid} yet: give it the public half (npx stagedoor keys export --purpose cloudfront --format …${ringWords(file)}), and record
the id that it answers with: npx stagedoor keys bind --kid ${kid} --id <id>${ringWords(file)}. Nothing was changed.`,
  };
}

/** An asset's own key signs whatever state it has: nobody could say when what it signed has ended. */
function pinned(
  { step, kid }: WaitingStep,
  before: string | undefined,
  ring: KeyRing,
  { purpose, deployment }: Rotation,
): NotTaken | undefined {
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
