import { ok, type Result } from "../base/result.ts";
import { isUnixSeconds, type Seconds, type UnixSeconds } from "../base/time.ts";
import type { CatalogUnavailable } from "../catalog/catalog-source.ts";
import type { KeyPurpose, RingKey } from "../keys/key.ts";
import { fingerprintOf } from "../keys/key-material.ts";
import { type KeyState, keyStateOf } from "../keys/life.ts";
import {
  defaultHeadStart,
  longestHold,
  longestSession,
  type RotatedPurpose,
  rotatedPurposes,
  sinceWhen,
  type WaitingStep,
  waitingSteps,
} from "../keys/rotation.ts";
import type { StateSeen } from "../metrics/day-history.ts";
import type { Happening } from "../metrics/event-log.ts";
import { isKeyRevoked } from "../sessions/revocation-snapshot.ts";
import type { OperatorContext } from "./operator-context.ts";

/** A key without its secret. */
export interface KeyStatus {
  readonly kid: string;
  readonly purpose: KeyPurpose;
  /** Its signature algorithm: HS256, ES256 or RS256. */
  readonly type: RingKey["alg"];
  readonly state: KeyState;
  /** When it entered that state, if known. */
  readonly since: UnixSeconds | undefined;
  /** When workers stop accepting it, if the ring says so. */
  readonly ends: UnixSeconds | undefined;
  /** See {@link fingerprintOf}: `npx stagedoor keys list` shows the same. */
  readonly fingerprint: string;
  readonly revoked: boolean;
  /** The next step of its life and the earliest time for it. */
  readonly next: Pick<WaitingStep, "step" | "from"> | undefined;
}

export interface KeyList {
  readonly keys: readonly KeyStatus[];
  /** The longest session that can start now. A key that signed is needed for that long. */
  readonly longestSession: Seconds;
}

/**
 * The keys in the API's ring, without secrets: the session keys are those of all workers, and of key pairs the API has
 * the public halves only.
 */
export async function listKeys(context: OperatorContext): Promise<Result<KeyList, CatalogUnavailable>> {
  const now = context.clock();
  const [catalog, snapshot] = await Promise.all([context.catalog(), context.revocations.fresh()]);
  if (!catalog.ok) return catalog;
  if (!snapshot.ok) return snapshot;
  const { keys } = context.ring;
  const longest = longestSession(context.settings.sessionTtl, catalog.value.assets());
  const steps = rotatedPurposes.flatMap((purpose) => nextSteps(purpose, keys, longest, now));
  const statuses = keys.map(async (key): Promise<KeyStatus> => {
    const { kid, purpose, alg, exp } = key;
    return {
      kid,
      purpose,
      type: alg,
      state: keyStateOf(key, keys, now),
      since: sinceWhen(key, keys, now),
      ends: isUnixSeconds(exp) ? exp : undefined,
      fingerprint: await fingerprintOf(key),
      revoked: isKeyRevoked(snapshot.value, kid),
      next: steps.find((step) => step.kid === kid),
    };
  });
  return ok({ keys: await Promise.all(statuses), longestSession: longest });
}

/** The state of each key, as a report of the API says it, so that the steps of rotations show in the history. */
export function keyStates(keys: readonly RingKey[], now: UnixSeconds): readonly StateSeen[] {
  return keys.map((key) => ["key", `${key.purpose} ${key.kid} ${keyStateOf(key, keys, now)}`]);
}

const aDay = 86_400;

/** An event per key whose next step may be made, with one id a day, so that a forgotten rotation is told again. */
export function dueSteps(keys: readonly RingKey[], sessionTtl: Seconds, now: UnixSeconds): readonly Happening[] {
  const steps = rotatedPurposes.flatMap((purpose) => nextSteps(purpose, keys, sessionTtl, now));
  return steps
    .filter(({ from }) => from <= now)
    .map(({ kid: key, step }) => {
      const id = `key.rotation_due ${key} ${step} ${Math.floor(now / aDay)}`;
      return { event: "key.rotation_due", at: now, id, data: { key, step } };
    });
}

function nextSteps(
  purpose: RotatedPurpose,
  keys: readonly RingKey[],
  longest: Seconds,
  now: UnixSeconds,
): readonly WaitingStep[] {
  return waitingSteps(purpose, keys, { now, headStart: defaultHeadStart, longest: longestHold(purpose, longest) });
}
