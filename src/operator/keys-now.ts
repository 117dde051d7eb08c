import { ok, type Refusal, type Result } from "../base/result.ts";
import { isUnixSeconds, type Seconds, type UnixSeconds } from "../base/time.ts";
import type { KeyPurpose, RingKey } from "../keys/key.ts";
import { fingerprintOf } from "../keys/key-material.ts";
import { type KeyState, keyStateOf } from "../keys/life.ts";
import {
  longestHold,
  longestSession,
  type RotatedPurpose,
  rotatedPurposes,
  sinceWhen,
  usualHeadStart,
  type WaitingStep,
  waitingSteps,
} from "../keys/rotation.ts";
import { seriesOf, version } from "../metrics/metrics.ts";
import { prometheusText } from "../metrics/prometheus-text.ts";
import { revocationKinds } from "../sessions/revocation.ts";
import { isKeyRevoked, type RevocationSnapshot } from "../sessions/revocation-snapshot.ts";
import { fromStore } from "../sessions/session-context.ts";
import { forbiddenNow, type OperatorContext } from "./operator-context.ts";

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

type Sample = readonly [series: string, value: number];

/**
 * `GET /metrics`: the counts of all workers' isolates, and what is to be said of this moment, in the text format of
 * Prometheus. `store_unavailable` where nobody gathers: a scrape that failed is seen, and counts of zero would not be. The keys
 * and the size of the revocation log are left out where a store that tells of them is down, since then the counts are wanted most.
 */
export async function metricsNow(context: OperatorContext): Promise<Result<string, Refusal>> {
  const [counts, keys, revoked] = await Promise.all([
    fromStore("what gathers the counts", context.gathered.counts(), context),
    keysNow(context),
    forbiddenNow(context),
  ]);
  if (!counts.ok) return counts;
  const now = context.clock();
  const ofKeys = keys.ok ? keys.value.keys.flatMap((key) => samplesOf(key, now)) : [];
  const build: Sample = [seriesOf("stagedoor_build_info", { version }), 1];
  const ofLog = revoked.ok ? sizesOf(revoked.value) : [];
  return ok(prometheusText([...counts.value, ...ofLog, ...ofKeys, build]));
}

function sizesOf({ entries }: RevocationSnapshot): readonly Sample[] {
  return revocationKinds.map((kind) => [seriesOf("stagedoor_revocations", { kind }), entries[kind].size]);
}

function samplesOf({ kid, purpose, state, since, ends, next }: KeyNow, now: UnixSeconds): readonly Sample[] {
  const samples: Sample[] = [];
  if (since !== undefined) samples.push([seriesOf("stagedoor_key_age_seconds", { purpose, kid, state }), now - since]);
  if (ends !== undefined) samples.push([seriesOf("stagedoor_key_ends_seconds", { purpose, kid }), ends - now]);
  if (next !== undefined) {
    const { step, from } = next;
    samples.push([seriesOf("stagedoor_key_next_step_seconds", { purpose, kid, step }), from - now]);
  }
  return samples;
}
