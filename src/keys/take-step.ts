import type { UnixSeconds } from "../base/seconds.ts";
import { inUse, keyStateOf, type LivingKey, signsByAsset } from "./life.ts";
import { type RotatedPurpose, sinceWhen } from "./rotation.ts";

/**
 * The keys with their states written down: what each says itself, or what its window comes to. Where nothing says since when
 * a key waits, it counts from `now`, since less than that might strand a session. Left as they are: keys of other purposes,
 * those that the clock will bring into use, and CloudFront keys without a state where there are several, since each signs for
 * assets of its own.
 */
export function settled<Key extends LivingKey>(keys: readonly Key[], purpose: RotatedPurpose, now: UnixSeconds): Key[] {
  const signing = inUse(keys, purpose, now);
  return keys.map((key) => {
    if (key.purpose !== purpose) return key;
    if (signsByAsset(key, now) && signing?.kid !== key.kid) return key;
    const state = keyStateOf(key, keys, now);
    if (state === "next" && key.state === undefined) return key;
    const since = sinceWhen(key, keys, now) ?? (state === "active" ? undefined : now);
    return { ...key, state, since };
  });
}

/**
 * A new key comes into the ring: as `next` beside one that signs, and where none does it signs at once, if it can: a public half
 * alone (`signs` false) is `next` until it is whole.
 */
export function introduced<Key extends LivingKey>(
  keys: readonly Key[],
  key: Key,
  purpose: RotatedPurpose,
  now: UnixSeconds,
  signs = true,
): Key[] {
  const before = settled(keys, purpose, now);
  // CloudFront keys without a state sign for the assets that name them: with several of them, none is everybody's.
  const alone = inUse(before, purpose, now) === undefined && !before.some((other) => signsByAsset(other, now));
  return [...before, { ...key, state: signs && alone ? "active" : "next", since: now }];
}

/**
 * The key `kid` signs from `now` on, and the one before it is taken for as long as what it signed holds. So is a CloudFront
 * key without a state, unless an asset names it: then it goes on signing for that.
 */
export function activated<Key extends LivingKey>(
  keys: readonly Key[],
  kid: string,
  purpose: RotatedPurpose,
  now: UnixSeconds,
  named: ReadonlySet<string> = new Set(),
): Key[] {
  return settled(keys, purpose, now).map((key) => {
    if (key.purpose !== purpose) return key;
    // Another nbf would let the clock choose among them.
    if (key.kid === kid) return { ...key, state: "active", since: now, nbf: undefined };
    const signed = key.state === "active" || (signsByAsset(key, now) && !named.has(key.kid));
    return signed ? { ...key, state: "retiring", since: now } : key;
  });
}

/** Nobody takes the key `kid` from `now` on. */
export function retired<Key extends LivingKey>(
  keys: readonly Key[],
  kid: string,
  purpose: RotatedPurpose,
  now: UnixSeconds,
): Key[] {
  return settled(keys, purpose, now).map((key) => (key.kid === kid ? { ...key, state: "retired", since: now } : key));
}

/** For a key that leaked: the one that signs ends at once, with all that it signed, and `kid` signs. */
export function replacedAtOnce<Key extends LivingKey>(
  keys: readonly Key[],
  kid: string,
  purpose: RotatedPurpose,
  now: UnixSeconds,
  named: ReadonlySet<string> = new Set(),
): Key[] {
  const leaked = inUse(keys, purpose, now);
  const after = activated(keys, kid, purpose, now, named);
  return leaked === undefined ? after : retired(after, leaked.kid, purpose, now);
}
