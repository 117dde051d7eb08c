import type { RingKey } from "../../src/keys/key.ts";
import { inUse } from "../../src/keys/life.ts";
import type { KeyRing } from "../../src/keys/ring.ts";
import {
  type NextStep,
  type RotatedPurpose,
  type RotationTimes,
  soonest,
  type WaitingStep,
  waitingSteps,
} from "../../src/keys/rotation.ts";
import { activated, introduced, replacedAtOnce, retired } from "../../src/keys/take-step.ts";
import { isBound } from "./cloudfront-id.ts";
import { endFailed, endMisused } from "./outcome.ts";
import { canSign, whyNot } from "./rotation-refused.ts";
import type { Deployment } from "./rotation-times.ts";

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

/** Takes the next step. One that would refuse a running session is not taken; then the ring stays as it is. */
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
  const refused = await whyNot(step, before, ring, rotation);
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
