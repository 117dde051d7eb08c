import type { UnixSeconds } from "../base/seconds.ts";
import type { RingKey } from "./key.ts";
import { signingKey, stillTaken } from "./ring.ts";

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
