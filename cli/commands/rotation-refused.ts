import type { UnixSeconds } from "../../src/base/seconds.ts";
import type { RingKey } from "../../src/keys/key.ts";
import { keyStateOf } from "../../src/keys/life.ts";
import type { KeyRing } from "../../src/keys/ring.ts";
import { type RotatedPurpose, sinceWhen, type WaitingStep } from "../../src/keys/rotation.ts";
import { settled } from "../../src/keys/take-step.ts";
import { isBound } from "./cloudfront-id.ts";
import { giveKeys, ringWords } from "./give-keys.ts";
import type { Rotation } from "./rotate-ring.ts";
import { behindTheRing } from "./rotation-live.ts";
import { timeIn } from "./rotation-words.ts";

/** Why a step is not taken, and what is written down of it all the same. */
export interface NotTaken {
  readonly because: string;
  readonly keys?: readonly RingKey[];
}

/** Whether a key has what it takes to sign: the ring may hold a public half alone. */
export function canSign(key: RingKey | undefined): boolean {
  return key !== undefined && (key.kty === "oct" || key.d !== undefined);
}

/** What is against a step that waits; undefined where it may be taken. */
export async function whyNot(step: WaitingStep, before: string | undefined, ring: KeyRing, rotation: Rotation) {
  return (
    halved(step, ring) ??
    pinned(step, before, ring, rotation) ??
    unbound(step, ring, rotation) ??
    (await notGiven(step, ring, rotation)) ??
    tooEarly(step, ring, rotation)
  );
}

function halved({ step, kid }: WaitingStep, ring: KeyRing): NotTaken | undefined {
  if (step !== "activate" || canSign(ring.keys.find((key) => key.kid === kid))) return undefined;
  return {
    because: `The ring has the public half of ${kid} alone, which signs nothing: import the private half (npx stagedoor keys import --purpose cloudfront
--in <PEM file> --kid ${kid}), or bring in a new key beside it with --introduce. Nothing was changed.`,
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

function unbound({ step, kid }: WaitingStep, ring: KeyRing, { purpose, file }: Rotation): NotTaken | undefined {
  const key = ring.keys.find((other) => other.kid === kid);
  if (purpose !== "cloudfront" || step !== "activate" || isBound(key, file)) return undefined;
  return {
    because: `CloudFront does not know ${kid} yet: give it the public half (npx stagedoor keys export --purpose cloudfront --format …${ringWords(file)}), and record
the id that it answers with: npx stagedoor keys bind --kid ${kid} --id <id>${ringWords(file)}. Nothing was changed.`,
  };
}

/** The workers do not have the step before: whatever the file says, its time counts from when they get it. */
async function notGiven(step: WaitingStep, ring: KeyRing, rotation: Rotation): Promise<NotTaken | undefined> {
  const { purpose, times, deployment, file } = rotation;
  const behind = deployment.live && (await behindTheRing(step, ring.keys, purpose, times, deployment.live));
  if (behind === undefined) return undefined;
  const keys = settled(ring.keys, purpose, times.now).map((key) =>
    key.kid === step.kid && key.state !== undefined ? { ...key, since: times.now } : key,
  );
  return {
    because: `The workers do not have what the ring's file says: ${behind}. The time to ${step.step} ${step.kid} counts from now. Give it to them:
${giveKeys(file)}`,
    keys,
  };
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
        : `Too early: ${kid} may go from ${when} on, since what it signed may hold until then. Nothing was changed.
If a new key is wanted before that, --introduce brings one in beside it.`,
  };
}

function countsFromNow(kid: string, ring: KeyRing, purpose: RotatedPurpose, now: UnixSeconds): boolean {
  const key = ring.keys.find((other) => other.kid === kid && other.purpose === purpose);
  if (key === undefined || (key.state === undefined && keyStateOf(key, ring.keys, now) === "next")) return false;
  return sinceWhen(key, ring.keys, now) === undefined;
}
