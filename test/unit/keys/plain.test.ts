import { describe, expect, it } from "vitest";
import { type RingKey, sessionKeySchema } from "../../../src/keys/key.ts";
import { keyStateOf } from "../../../src/keys/life.ts";
import { withoutStates } from "../../../src/keys/plain.ts";
import { keysFor, parseKeyRing, signingKey } from "../../../src/keys/ring.ts";
import { now, sessionKey } from "../signing/session.ts";

const stated = (kid: string, state: RingKey["state"], more: Partial<RingKey> = {}): RingKey =>
  sessionKeySchema.parse({ ...sessionKey(kid, kid.length), state, since: now - 100, ...more });

const ring = [
  stated("old", "retired"),
  stated("before", "retiring", { nbf: now - 5000 }),
  stated("inuse", "active"),
  stated("waiting", "next"),
  stated("waits-until", "next", { exp: now + 1000 }),
];

describe("a ring without states", () => {
  const plain = withoutStates(ring, now);

  it("has no member that an older release would refuse", () => {
    const members = new Set(plain.flatMap((key) => Object.keys(key)));
    expect([...members].toSorted()).toEqual(["alg", "exp", "k", "kid", "kty", "nbf", "purpose"]);
    expect(parseKeyRing({ keys: plain })).toMatchObject({ ok: true });
  });

  it("signs with the same key as before, now and for as long as anybody stays with an older release", () => {
    const keys = keysFor({ keys: plain }, "session");
    expect(signingKey(keys, now)?.kid).toBe("inuse");
    expect(signingKey(keys.toReversed(), now)?.kid).toBe("inuse");
  });

  it("lets the key that signs begin when it did, or a worker whose clock is behind would have no signer", () => {
    const begun = (keys: readonly RingKey[]) => withoutStates(keys, now).find(({ kid }) => kid === "inuse")?.nbf;
    expect(begun(ring)).toBe(now - 100);
    expect(begun([stated("before", "retiring"), stated("inuse", "active", { since: undefined })])).toBe(now - 3600);
    // One that ceased to sign is not taken up again for a later beginning of its own.
    const late = [stated("late", "retiring", { nbf: now - 10 }), stated("inuse", "active")];
    expect(signingKey(keysFor({ keys: withoutStates(late, now) }, "session"), now)?.kid).toBe("inuse");
  });

  it("takes what it took before, and no retired key", () => {
    expect(plain.map((key) => `${key.kid} ${keyStateOf(key, plain, now)}`)).toEqual([
      "before retiring",
      "inuse active",
      "waiting next",
      "waits-until next",
    ]);
  });

  it("is the ring itself where that has none", () => {
    const windows = [sessionKey("a", 1), sessionKey("b", 2, { nbf: now + 10 }), sessionKey("c", 3, { nbf: now - 10 })];
    expect(withoutStates(windows, now)).toEqual(windows);
  });
});
