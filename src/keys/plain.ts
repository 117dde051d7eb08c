import { after, earlier, isUnixSeconds, later, seconds, type UnixSeconds, unixSeconds } from "../base/time.ts";
import type { RingKey } from "./key.ts";
import { withoutBinding } from "./key-material.ts";
import { keyStateOf } from "./life.ts";

/** A key that waits does so for longer than anybody goes on with an older release. */
const never = seconds(366 * 86_400);

/** How far the clocks of workers may be apart, and more than that. */
const apart = 3600;

/**
 * The keys in the form that releases before the states of keys read, which take no member that they do not know: windows
 * alone. What signs, and what is taken, stays as it is at `now`: the active key of a purpose came into use last, but when it
 * did, or a worker whose clock is behind would have no signer; a waiting one is far ahead, and retired ones are left out.
 */
export function withoutStates(keys: readonly RingKey[], now: UnixSeconds): readonly RingKey[] {
  return keys.flatMap((key): RingKey[] => {
    const state = keyStateOf(key, keys, now);
    if (state === "retired") return [];
    const nbf = key.state === undefined ? key.nbf : beginning(key, state, now);
    return [withWindow(key, nbf)];
  });
}

function beginning({ nbf, exp, since }: RingKey, state: "next" | "active" | "retiring", now: UnixSeconds) {
  // Before that of the active one, whatever it was: else the older release might sign with it.
  if (state === "retiring") return undefined;
  if (state === "active") return isUnixSeconds(since) && since < now ? since : Math.max(now - apart, 1);
  const ahead = later(after(now, never), isUnixSeconds(nbf) ? nbf : now);
  return isUnixSeconds(exp) ? earlier(ahead, unixSeconds(exp - 1)) : ahead;
}

function withWindow(key: RingKey, nbf: number | undefined): RingKey {
  const { state: _state, since: _since, nbf: _nbf, ...rest } = key;
  const plain = nbf === undefined ? rest : { ...rest, nbf };
  if (plain.purpose === "cloudfront") return withoutBinding(plain);
  if (plain.purpose !== "operator") return plain;
  const { signedUntil: _signedUntil, ...operator } = plain;
  return operator;
}
