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
import { isReadByServe, ringArgument, uploadCommand } from "../lib/ring-file.ts";
import { isBound } from "./bind-key.ts";
import { liveMismatch, type RotationContext, timeIn } from "./rotation-times.ts";

/** The input of a rotation. */
export interface Rotation {
  readonly purpose: RotatedPurpose;
  readonly file: string;
  readonly context: RotationContext;
  readonly times: RotationTimes;
  /** Whether to introduce a new key even if a retiring one waits for its time. */
  readonly introduce: boolean;
  /** The given options that describe a new key, such as `--kid`. They are an error if the step makes no key. */
  readonly newKeyOptions: readonly string[];
  /** Makes the next key. */
  readonly makeKey: (ring: KeyRing) => Promise<RingKey>;
}

/** The new keys of a ring, and the step that was taken or is refused. */
export interface Rotated {
  readonly keys: readonly RingKey[];
  readonly result: StepTaken | { readonly refused: string; readonly waits: WaitingStep };
}

export interface StepTaken {
  readonly step: NextStep["step"] | "at once";
  readonly kid: string;
  readonly before: string | undefined;
  /** The assets that name the retired key: they cannot be played until their keyPairId is removed. */
  readonly stranded: readonly string[];
}

export const catalogMissing =
  "Name the catalog (--api and --bearer for the deployed one, or --catalog <file>): an asset with a keyPairId is always signed with that key.";

/**
 * The next step. Steps for a key with only a public half come last: they are refused with a message that says what the key
 * needs.
 */
export function nextRingStep(keys: readonly RingKey[], rotation: Rotation): NextStep {
  const all = waitingSteps(rotation.purpose, keys, rotation.times);
  const waiting = all.filter(({ step, kid }) => step === "retire" || canSign(keys.find((key) => key.kid === kid)));
  const next = waiting.find(({ step }) => step === "activate");
  if (rotation.introduce && next !== undefined)
    endMisused(`${next.kid} is next already: omit --introduce, and keys rotate activates it when its time comes.`);
  const step: NextStep = rotation.introduce ? { step: "introduce" } : soonest(waiting.length > 0 ? waiting : all);
  const [option] = rotation.newKeyOptions;
  if (option !== undefined && step.step !== "introduce")
    endMisused(
      `${option} is for a new key, and the next step is to ${step.step} ${step.kid}: omit it${step.step === "retire" ? ", or introduce a new key with --introduce" : ""}.`,
    );
  return step;
}

/** Takes the next step, unless it would break a running session. */
export async function rotateRing(ring: KeyRing, rotation: Rotation): Promise<Rotated> {
  const { purpose, times } = rotation;
  const { now } = times;
  const step = nextRingStep(ring.keys, rotation);
  const before = inUse(ring.keys, purpose, now)?.kid;
  const common = { before, stranded: [] };
  if (step.step === "introduce") {
    const key = await rotation.makeKey(ring);
    const result = { ...common, step: step.step, kid: key.kid };
    return { keys: introduced(ring.keys, key, purpose, now), result };
  }
  const refusal = await refusalOf(step, before, ring, rotation);
  if (refusal !== undefined) {
    const { keys = ring.keys, reason } = refusal;
    const waits = waitingSteps(purpose, keys, times).find(({ kid }) => kid === step.kid) ?? step;
    return { keys, result: { refused: reason, waits } };
  }
  if (purpose === "cloudfront" && rotation.context.assets === undefined) endMisused(catalogMissing);
  const keys =
    step.step === "activate"
      ? activated(ring.keys, step.kid, purpose, now, namedKeys(rotation))
      : retired(ring.keys, step.kid, purpose, now);
  return { keys, result: { ...common, step: step.step, kid: step.kid } };
}

/** Retires the signing key at once; the next key signs, or a new one. */
export async function rotateAtOnce(ring: KeyRing, rotation: Rotation): Promise<Rotated> {
  const { purpose, times, file, context } = rotation;
  const { now } = times;
  const before = inUse(ring.keys, purpose, now)?.kid;
  const waiting = waitingSteps(purpose, ring.keys, times).filter(({ step }) => step === "activate");
  const keyOf = (kid: string) => ring.keys.find((key) => key.kid === kid);
  const ready = waiting.find(
    ({ kid }) => canSign(keyOf(kid)) && (purpose !== "cloudfront" || isBound(keyOf(kid), file)),
  );
  if (ready === undefined && purpose === "cloudfront")
    endFailed(
      "The ring has no next key that CloudFront knows. First introduce one: `npx stagedoor keys rotate --purpose cloudfront --introduce`, `keys export`, `keys bind`; then use --at-once. To stop the leaked key now, remove it from CloudFront's key group.",
    );
  if (purpose === "cloudfront" && context.assets === undefined) endMisused(catalogMissing);
  const [option] = rotation.newKeyOptions;
  if (ready !== undefined && option !== undefined)
    endMisused(`${option} is for a new key, and ${ready.kid} is next and will sign: omit it.`);
  const key = ready === undefined ? await rotation.makeKey(ring) : undefined;
  const keys = key === undefined ? ring.keys : introduced(ring.keys, key, purpose, now);
  const kid = ready?.kid ?? key?.kid ?? "";
  const naming = context.assets?.filter(({ cloudfront }) => before !== undefined && cloudfront?.keyPairId === before);
  const stranded = purpose === "cloudfront" ? (naming ?? []).map(({ id }) => id) : [];
  const result = { step: "at once" as const, kid, before, stranded };
  return { keys: replacedAtOnce(keys, kid, purpose, now, namedKeys(rotation)), result };
}

/** The CloudFront keys that assets name. */
function namedKeys({ context }: Pick<Rotation, "context">): ReadonlySet<string> {
  return new Set(context.assets?.flatMap(({ cloudfront }) => cloudfront?.keyPairId ?? []));
}

/** Why a step is refused, and changes of the ring that are written all the same. */
interface StepRefusal {
  readonly reason: string;
  readonly keys?: readonly RingKey[];
}

/** Whether a key can sign: the ring may have only its public half. */
function canSign(key: RingKey | undefined): boolean {
  return key !== undefined && (key.kty === "oct" || key.d !== undefined);
}

/** The first reason against a step; undefined if it is allowed. */
async function refusalOf(step: WaitingStep, before: string | undefined, ring: KeyRing, rotation: Rotation) {
  return (
    privateHalfMissing(step, ring) ??
    namedByAsset(step, before, ring, rotation) ??
    unknownToCloudFront(step, ring, rotation) ??
    (await notUploaded(step, ring, rotation)) ??
    tooEarly(step, ring, rotation)
  );
}

function privateHalfMissing({ step, kid }: WaitingStep, ring: KeyRing): StepRefusal | undefined {
  if (step !== "activate" || canSign(ring.keys.find((key) => key.kid === kid))) return undefined;
  return {
    reason: `The ring has only the public half of ${kid}, which cannot sign: import the private half (npx stagedoor keys import --purpose
cloudfront --in <PEM file> --kid ${kid}), or add a new key with --introduce. Nothing was changed.`,
  };
}

/** A key that an asset names signs in every state, so the expiry of its last signature is unknown. */
function namedByAsset(
  { step, kid }: WaitingStep,
  before: string | undefined,
  ring: KeyRing,
  { purpose, context }: Rotation,
): StepRefusal | undefined {
  const replaced = step === "retire" ? kid : before;
  const naming = context.assets?.filter(({ cloudfront }) => cloudfront?.keyPairId === replaced) ?? [];
  if (purpose !== "cloudfront" || replaced === undefined || naming.length === 0) return undefined;
  const ids = naming.map(({ id }) => id).join(", ");
  if (step === "activate")
    return {
      reason: `The catalog names ${replaced} for ${ids}. Remove keyPairId from these assets: then the ring's active key signs, which is
${replaced} until this step. Nothing was changed.`,
    };
  return {
    reason: `${replaced} still signs for ${ids}. Remove keyPairId from these assets and run this command again: its waiting time counts from then.`,
    keys: ring.keys.map((key) => (key.kid === kid ? { ...key, since: undefined } : key)),
  };
}

function unknownToCloudFront(
  { step, kid }: WaitingStep,
  ring: KeyRing,
  { purpose, file }: Rotation,
): StepRefusal | undefined {
  const key = ring.keys.find((other) => other.kid === kid);
  if (purpose !== "cloudfront" || step !== "activate" || isBound(key, file)) return undefined;
  return {
    reason: `CloudFront does not know ${kid} yet. Upload the public half:
  npx stagedoor keys export --purpose cloudfront --format <format>${ringArgument(file)}
and record the id that CloudFront assigns:
  npx stagedoor keys bind --kid ${kid} --id <id>${ringArgument(file)}
Nothing was changed.`,
  };
}

/** The previous step was not uploaded to the workers: the waiting time counts from its upload. */
async function notUploaded(step: WaitingStep, ring: KeyRing, rotation: Rotation): Promise<StepRefusal | undefined> {
  const { purpose, times, context, file } = rotation;
  const mismatch = context.live && (await liveMismatch(step, ring.keys, purpose, times, context.live));
  if (mismatch === undefined) return undefined;
  const keys = settled(ring.keys, purpose, times.now).map((key) =>
    key.kid === step.kid && key.state !== undefined ? { ...key, since: times.now } : key,
  );
  return {
    reason: `${isReadByServe(file) ? "The service does not have" : "The workers do not have"} the ring in the file: ${mismatch}. ${isReadByServe(file) ? "Let it read the ring" : "Upload it"}; the waiting time to ${step.step} ${step.kid} counts from now:
${uploadCommand(file)}`,
    keys,
  };
}

function tooEarly(
  { step, kid, from }: WaitingStep,
  ring: KeyRing,
  { times, purpose }: Rotation,
): StepRefusal | undefined {
  const { now } = times;
  if (now >= from) return undefined;
  const when = timeIn(from, now);
  // The ring must record a start, or the waiting time would never end.
  if (countsFromNow(kid, ring, purpose, now))
    return {
      reason: `The ring did not record since when ${kid} waits, so the waiting time counts from now: ${step} it from ${when} on.`,
      keys: settled(ring.keys, purpose, now),
    };
  return {
    reason:
      step === "activate"
        ? `Too early: ${kid} can sign from ${when}, when every worker has it. Nothing was changed.`
        : `Too early: ${kid} can be retired from ${when}. Until then its signatures may be valid. Nothing was changed.
To add a new key before that, use --introduce.`,
  };
}

function countsFromNow(kid: string, ring: KeyRing, purpose: RotatedPurpose, now: UnixSeconds): boolean {
  const key = ring.keys.find((other) => other.kid === kid && other.purpose === purpose);
  if (key === undefined || (key.state === undefined && keyStateOf(key, ring.keys, now) === "next")) return false;
  return sinceWhen(key, ring.keys, now) === undefined;
}
