import type { Refusal } from "../../base/refusal.ts";
import { ok, type Result } from "../../base/result.ts";
import { isUnixSeconds, type Seconds, type UnixSeconds } from "../../base/seconds.ts";
import { fingerprintOf } from "../../keys/fingerprint.ts";
import type { KeyPurpose, RingKey } from "../../keys/key.ts";
import { type KeyState, keyStateOf } from "../../keys/life.ts";
import {
  longestHold,
  longestSession,
  type RotatedPurpose,
  rotatedPurposes,
  sinceWhen,
  usualHeadStart,
  type WaitingStep,
  waitingSteps,
} from "../../keys/rotation.ts";
import { isKeyRevoked } from "../../sessions/revocation-snapshot.ts";
import type { OperatorContext } from "./context.ts";
import { forbiddenNow } from "./forbidden-now.ts";

/** A key as operators see it. */
export interface KeyNow {
  readonly kid: string;
  readonly purpose: KeyPurpose;
  /** The algorithm that it signs with: HS256, ES256 or RS256. */
  readonly type: RingKey["alg"];
  readonly state: KeyState;
  /** Since when it is in that state, where that is known. */
  readonly since: UnixSeconds | undefined;
  /** When nobody takes it any more, where the ring says so. */
  readonly ends: UnixSeconds | undefined;
  /** See {@link fingerprintOf}: `npx stagedoor keys list` shows the same. */
  readonly fingerprint: string;
  /** Whether an operator has ended it before its time. */
  readonly revoked: boolean;
  /** What comes next in its life and from when on, for a key that waits for it. */
  readonly next: Pick<WaitingStep, "step" | "from"> | undefined;
}

export interface KeysNow {
  readonly keys: readonly KeyNow[];
  /** How long a session lasts that is started now, at most: so long a key that signed is needed. */
  readonly longestSession: Seconds;
}

/**
 * The keys of the API's ring, without anything that is secret. The session keys are those of all workers, and of the pairs it
 * holds the public halves. `store_unavailable`, and what the catalog is refused for.
 */
export async function keysNow(context: OperatorContext): Promise<Result<KeysNow, Refusal>> {
  const now = context.clock();
  const [catalog, snapshot] = await Promise.all([context.catalog(), forbiddenNow(context)]);
  if (!catalog.ok) return catalog;
  if (!snapshot.ok) return snapshot;
  const { keys } = context.ring;
  const longest = longestSession(context.settings.sessionTtl, catalog.value.assets());
  const waiting = rotatedPurposes.flatMap((purpose) => stepsOf(purpose, keys, longest, now));
  const shown = keys.map(async (key): Promise<KeyNow> => {
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
      next: waiting.find((step) => step.kid === kid),
    };
  });
  return ok({ keys: await Promise.all(shown), longestSession: longest });
}

function stepsOf(
  purpose: RotatedPurpose,
  keys: readonly RingKey[],
  longest: Seconds,
  now: UnixSeconds,
): readonly WaitingStep[] {
  return waitingSteps(purpose, keys, { now, headStart: usualHeadStart, longest: longestHold(purpose, longest) });
}
