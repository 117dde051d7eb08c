import { rfc3339, type UnixSeconds } from "../../src/base/seconds.ts";
import type { WorkerName } from "../../src/config/configuration.ts";
import type { RingKey } from "../../src/keys/key.ts";
import type { NextStep, RotatedPurpose } from "../../src/keys/rotation.ts";
import { isBound } from "./cloudfront-id.ts";

/** All of them, those first that only verify: nobody may get a signature whose key he does not know. */
const verifiersFirst: readonly WorkerName[] = ["edge", "manifest", "api"];

/** A point in time, and how far it is: `2026-11-22T07:00:00Z (in 58 min)`. */
export function timeIn(time: UnixSeconds, now: UnixSeconds): string {
  return time <= now ? "now" : `${rfc3339(time)} (in ${lengthOf(time - now)})`;
}

const units = [
  ["d", 86_400],
  ["h", 3600],
  ["min", 60],
  ["s", 1],
] as const;

/** A length of time in its two largest units, `7 d 1 h`; rounded up, so that nobody comes too early by it. */
export function lengthOf(length: number): string {
  const largest = units.findIndex(([, size]) => length >= size);
  const shown = largest < 0 ? units.slice(-1) : units.slice(largest, largest + 2);
  const [, least] = shown.at(-1) ?? ["s", 1];
  let rest = Math.ceil(length / least) * least;
  const words = shown.map(([unit, size]) => {
    const count = Math.floor(rest / size);
    rest -= count * size;
    return count === 0 ? "" : `${count} ${unit}`;
  });
  return words.filter((word) => word !== "").join(" ");
}

/** The next step of a purpose in a few words. `keys` and `file` are the ring's. */
export function stepWords(
  step: NextStep,
  keys: readonly RingKey[],
  purpose: RotatedPurpose,
  file: string,
  now: UnixSeconds,
): string {
  if (step.step === "introduce") return "introduce a new key, whenever a rotation is wanted";
  const key = keys.find(({ kid }) => kid === step.kid);
  if (purpose === "cloudfront" && step.step === "activate" && !isBound(key, file))
    return `activate ${step.kid}: its time counts from npx stagedoor keys bind on`;
  return `${step.step} ${step.kid}: ${timeIn(step.from, now)}`;
}

/**
 * The workers that need the ring after a step, in the order in which they are given it. A new key goes to those first that
 * only verify; who signs is the API for sessions and the manifest worker for CloudFront; the API shows all keys to operators.
 */
export function workersFor(purpose: RotatedPurpose, step: NextStep["step"] | "at once"): readonly WorkerName[] {
  if (purpose === "operator") return ["api"];
  if (step === "at once" || step === "retire") return verifiersFirst;
  if (step === "introduce") return purpose === "session" ? verifiersFirst : ["edge", "api"];
  return purpose === "session" ? ["api"] : ["manifest", "api"];
}
