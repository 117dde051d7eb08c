import { ok, type Result, refuse } from "../base/result.ts";
import type { UnixSeconds } from "../base/time.ts";
import type { CloudFrontKey, RingKey } from "./key.ts";
import { type KeyRing, keysFor, signingKey, stillTaken } from "./ring.ts";

/**
 * A key's life, in order: verifiers know it and nobody signs with it; it signs; it verifies and does not sign; nobody takes
 * it any more.
 */
export const keyStates = ["next", "active", "retiring", "retired"] as const;
export type KeyState = (typeof keyStates)[number];

/** A key as far as its life goes: nothing of it is secret. */
export type LivingKey = Pick<RingKey, "kid" | "purpose" | "nbf" | "exp" | "state" | "since"> & {
  readonly signedUntil?: number | undefined;
};

/**
 * The state of a key among those of its ring: what it says itself, or where it says nothing what its window comes to. A
 * CloudFront key without a state signs for the assets that name it, however many there are.
 */
export function keyStateOf(key: LivingKey, keys: readonly LivingKey[], now: UnixSeconds): KeyState {
  if (!stillTaken(key, now)) return "retired";
  if (key.state === "next" || key.state === "retiring") return key.state;
  if ((key.nbf ?? 0) > now) return "next";
  if (key.purpose === "cloudfront" && key.state === undefined) return "active";
  // A key with an nbf of its own takes over by the clock, also from one that says it is active.
  return inUse(keys, key.purpose, now)?.kid === key.kid ? "active" : "retiring";
}

/**
 * The key of a purpose that signs at `now`. For CloudFront: where an asset names none, which is the one that is active by
 * its state, or else the only one that has none.
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

/** A CloudFront key that signs for the assets that name it, and has no part in a rotation. */
export function signsByAsset(key: LivingKey, now: UnixSeconds): boolean {
  const { purpose, state, nbf } = key;
  return purpose === "cloudfront" && state === undefined && (nbf ?? 0) <= now && stillTaken(key, now);
}

/**
 * The CloudFront key that signs for an asset: the one that it names as `keyPairId`, or the ring's active one. Refused with
 * a sentence where the ring does not hold it, where it has ended, or where several could be meant.
 */
export function cloudFrontKeyFor(
  ring: KeyRing,
  keyPairId: string | undefined,
  now: UnixSeconds,
): Result<CloudFrontKey, string> {
  const keys = keysFor(ring, "cloudfront");
  if (keyPairId !== undefined) {
    const named = keys.find(({ kid }) => kid === keyPairId);
    return named !== undefined && stillTaken(named, now)
      ? ok(named)
      : refuse("the key ring does not hold the asset's keyPairId (any more)");
  }
  const active = inUse(keys, "cloudfront", now);
  if (active !== undefined) return ok(active);
  return refuse(
    keys.filter((key) => signsByAsset(key, now)).length > 1
      ? "the asset names no keyPairId, and several CloudFront keys of the ring could be meant, since none is active by its state"
      : "the asset names no keyPairId, and no CloudFront key of the ring is active",
  );
}
