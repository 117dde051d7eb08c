import type { UnixSeconds } from "../base/seconds.ts";
import type { KeyPurpose, RingKey } from "./key.ts";
import { signingKey, stillTaken } from "./ring.ts";

/**
 * A key's life, in order: verifiers know it and nobody signs with it; it signs; it verifies and does not sign; nobody takes
 * it any more.
 */
export const keyStates = ["next", "active", "retiring", "retired"] as const;
export type KeyState = (typeof keyStates)[number];

/** A key as far as its life goes: nothing of it is secret. */
export type LivingKey = Pick<RingKey, "kid" | "purpose" | "nbf" | "exp" | "state" | "since">;

/**
 * The state of a key among those of its ring: what it says itself, or where it says nothing what its window comes to. A
 * CloudFront key without a state signs for the assets that name it, however many there are.
 */
export function keyStateOf(key: LivingKey, keys: readonly LivingKey[], now: UnixSeconds): KeyState {
  if (!stillTaken(key, now)) return "retired";
  if (key.state !== undefined) return key.state;
  if ((key.nbf ?? 0) > now) return "next";
  if (key.purpose === "cloudfront") return "active";
  return signingKey(ofPurpose(keys, key.purpose), now) === key ? "active" : "retiring";
}

function ofPurpose(keys: readonly LivingKey[], purpose: KeyPurpose): readonly LivingKey[] {
  return keys.filter((key) => key.purpose === purpose);
}
