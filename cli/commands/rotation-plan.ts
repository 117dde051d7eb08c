import { later, rfc3339, type UnixSeconds } from "../../src/base/seconds.ts";
import { inUse } from "../../src/keys/life.ts";
import type { KeyRing } from "../../src/keys/ring.ts";
import { nextStep } from "../../src/keys/rotation.ts";
import { activated, introduced, retired } from "../../src/keys/take-step.ts";
import { good, type Outcome } from "./outcome.ts";
import type { Rotation } from "./rotate-ring.ts";
import { lengthOf, timeIn, workersFor } from "./rotation-words.ts";
import { table } from "./table.ts";

interface PlannedStep {
  readonly step: "introduce" | "activate" | "retire";
  readonly kid: string;
  readonly from: UnixSeconds;
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
          unsaid.length === 0 ? "" : `, reckoned with sessions of 7 days: say ${unsaid.join(" and ")}`
        }.`;
  const text = `${table([["STEP", "KEY", "FROM", "WORKERS THAT NEED IT THEN"], ...rows])}

Nothing was changed. ${reckoned}
Workers are given ${lengthOf(times.headStart)} to have a new ring (--head-start).`;
  return good(text, {
    purpose,
    plan: steps.map(({ step, kid, from }) => ({ step, kid, from, at: rfc3339(from) })),
    longest: times.longest,
    headStart: times.headStart,
  });
}

async function planOf(ring: KeyRing, { purpose, times, makeKey }: Rotation): Promise<readonly PlannedStep[]> {
  const steps: PlannedStep[] = [];
  let { keys } = ring;
  let { now } = times;
  while (steps.length < 8) {
    const step = nextStep(purpose, keys, { ...times, now });
    if (step.step === "introduce") {
      if (steps.length > 0) break;
      const key = await makeKey({ keys });
      const isFirst = inUse(keys, purpose, now) === undefined;
      keys = introduced(keys, key, purpose, now);
      steps.push({ step: "introduce", kid: key.kid, from: now });
      if (isFirst && nextStep(purpose, keys, { ...times, now }).step === "introduce") break;
      continue;
    }
    now = later(now, step.from);
    keys = step.step === "activate" ? activated(keys, step.kid, purpose, now) : retired(keys, step.kid, purpose, now);
    steps.push({ step: step.step, kid: step.kid, from: now });
  }
  return steps;
}
