import { ok, type Result, refuse } from "../base/result.ts";
import type { UnixSeconds } from "../base/time.ts";
import type { CloudFrontKey, RingKey } from "./key.ts";
import { isAccepted, type KeyRing, keysFor, signingKey } from "./ring.ts";

/**
 * The states of a key, in order: verifiers know it and it does not sign; it signs; it verifies but does not sign; it is
 * no longer accepted.
 */
export const keyStates = ["next", "active", "retiring", "retired"] as const;
export type KeyState = (typeof keyStates)[number];

/** The members of a key that describe its life. None is secret. */
export type LivingKey = Pick<RingKey, "kid" | "purpose" | "nbf" | "exp" | "state" | "since"> & {
  readonly signedUntil?: number | undefined;
};

/**
 * The state of a key among the keys of its ring: its `state`, or what its window implies. A CloudFront key without a
 * state signs for the assets that name it; there may be several.
 */
export function keyStateOf(key: LivingKey, keys: readonly LivingKey[], now: UnixSeconds): KeyState {
  if (!isAccepted(key, now)) return "retired";
  if (key.state === "next" || key.state === "retiring") return key.state;
  if ((key.nbf ?? 0) > now) return "next";
  if (key.purpose === "cloudfront" && key.state === undefined) return "active";
  // A key with its own nbf takes over by the clock, even from a key whose state is active.
  return inUse(keys, key.purpose, now)?.kid === key.kid ? "active" : "retiring";
}

/**
 * The key of a purpose that signs at `now`. For CloudFront, the key for assets that name none: the one whose state is
 * active, or else the only one without a state.
 */
export function inUse<Key extends LivingKey>(
  keys: readonly Key[],
  purpose: Key["purpose"],
  now: UnixSeconds,
): Key | undefined {
  const own = keys.filter((key) => key.purpose === purpose);
  if (purpose !== "cloudfront") return signingKey(own, now);
  const stated = signingKey(
    own.filter(({ state }) => state === "active"),
    now,
  );
  const pinned = own.filter((key) => signsByAsset(key, now));
  return stated ?? (pinned.length === 1 ? pinned[0] : undefined);
}

/** Whether a CloudFront key signs only for the assets that name it and is not part of a rotation. */
export function signsByAsset(key: LivingKey, now: UnixSeconds): boolean {
  const { purpose, state, nbf } = key;
  return purpose === "cloudfront" && state === undefined && (nbf ?? 0) <= now && isAccepted(key, now);
}

/**
 * The CloudFront key for an asset: the one that it names as `keyPairId`, or the ring's active key. The refusal says
 * that the ring does not have it, that it has expired, or that several are possible.
 */
export function cloudFrontKeyFor(
  ring: KeyRing,
  keyPairId: string | undefined,
  now: UnixSeconds,
): Result<CloudFrontKey, string> {
  const keys = keysFor(ring, "cloudfront");
  if (keyPairId !== undefined) {
    const named = keys.find(({ kid }) => kid === keyPairId);
    return named !== undefined && isAccepted(named, now)
      ? ok(named)
      : refuse("the asset's keyPairId is not in the key ring (any more)");
  }
  const active = inUse(keys, "cloudfront", now);
  if (active !== undefined) return ok(active);
  return refuse(
    keys.filter((key) => signsByAsset(key, now)).length > 1
      ? "the asset names no keyPairId, and several CloudFront keys of the ring are possible, because none has the state active"
      : "the asset names no keyPairId, and no CloudFront key of the ring is active",
  );
}
