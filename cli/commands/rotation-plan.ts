import { later, rfc3339, type UnixSeconds } from "../../src/base/seconds.ts";
import { inUse } from "../../src/keys/life.ts";
import type { KeyRing } from "../../src/keys/ring.ts";
import { activated, introduced, retired } from "../../src/keys/take-step.ts";
import { good, type Outcome } from "./outcome.ts";
import { type Rotation, stepAsked } from "./rotate-ring.ts";
import { lengthOf, timeIn, workersFor } from "./rotation-words.ts";
import { table } from "./table.ts";

interface PlannedStep {
  readonly step: "introduce" | "activate" | "retire";
  readonly kid: string;
  readonly from: UnixSeconds;
  /** The key whose place it takes. */
  readonly before: string | undefined;
}

/** A rotation from where a ring stands to its end, each step at the first moment that it may be taken. */
export async function planText(ring: KeyRing, rotation: Rotation): Promise<Outcome> {
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
  const reckoned =
    purpose === "operator"
      ? "A credential lasts until the end that `operator new` recorded, or 366 days where it recorded none."
      : `What a key signed holds for ${lengthOf(times.longest)} at most${
          unsaid.length === 0
            ? ""
            : `, reckoned with sessions of 7 days: say --api and --bearer, or ${unsaid.join(" and ")}`
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

Nothing was changed. ${reckoned}
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
