import { describe, expect, it } from "vitest";
import { unixSeconds } from "../../../src/base/time.ts";
import { newCloudFrontKey, newOperatorKey, newSessionKey, newTokenKey } from "../../../src/keys/generate.ts";
import type { RingKey } from "../../../src/keys/key.ts";
import { isSameKey, publicJwk, publicPem, withoutPrivateHalf } from "../../../src/keys/key-material.ts";
import { isAccepted, keysFor, parseKeyRing, signedBefore, signingKey } from "../../../src/keys/ring.ts";
import { sessionKey } from "../signing/session.ts";

const random = (length: number) => crypto.getRandomValues(new Uint8Array(length));

function faults(...keys: readonly unknown[]): readonly string[] {
  const parsed = parseKeyRing({ keys });
  return parsed.ok ? [] : parsed.refusal;
}

describe("the key ring", () => {
  it("takes what the service itself makes, through JSON", async () => {
    const made = [
      newSessionKey("s", random),
      await newCloudFrontKey("K1RSA", "rsa"),
      await newCloudFrontKey("K2EC", "ec"),
      await newTokenKey("t"),
      await newOperatorKey("o"),
    ];
    const parsed = parseKeyRing(JSON.parse(JSON.stringify({ keys: made })));
    expect(parsed).toEqual({ ok: true, value: { keys: made } });
    if (parsed.ok) expect(keysFor(parsed.value, "cloudfront").map(({ kid }) => kid)).toEqual(["K1RSA", "K2EC"]);
  });

  it.each<[string, object]>([
    ["a key of 31 bytes", { k: "A".repeat(42) }],
    ["a key in another spelling", { k: `${"A".repeat(42)}B` }],
    ["a kid with a slash", { kid: "a/b" }],
    ["a kid with a line feed", { kid: "a\n" }],
    ["no kid", { kid: undefined }],
    ["another algorithm", { alg: "HS512" }],
    ["a purpose that it was not made for", { purpose: "token" }],
    ["another purpose that it was not made for", { purpose: "operator" }],
    ["no purpose", { purpose: undefined }],
    ["a purpose of JavaScript's", { purpose: "constructor" }],
    ["a field that is not known", { ext: true }],
    ["a time with a fraction", { exp: 1.5 }],
    ["a time before 1970", { nbf: -1 }],
    ["a window that is empty", { nbf: 10, exp: 10 }],
  ])("refuses %s", (_, changes) => {
    expect(parseKeyRing({ keys: [{ ...sessionKey("a", 1), ...changes }] }).ok).toBe(false);
  });

  it("refuses a P-256 key whose numbers are too short to be imported", async () => {
    const key = await newTokenKey("t");
    expect(faults({ ...key, x: "AAAA" })).toHaveLength(1);
    expect(faults({ ...key, d: "AAAA" })).toHaveLength(1);
  });

  it("refuses a kid that two keys have, whatever they are for", async () => {
    expect(faults(sessionKey("a", 1), sessionKey("a", 2))).toHaveLength(1);
    expect(faults(sessionKey("a", 1), await newTokenKey("a"))).toHaveLength(1);
  });

  it("refuses two keys of a purpose that are both active, and names them", async () => {
    const active = (kid: string, byte: number) => ({ ...sessionKey(kid, byte), state: "active" });
    expect(faults(active("a", 1), active("b", 2))).toEqual([expect.stringMatching(/"b" and "a" are both active/)]);
    const operator = { ...(await newOperatorKey("o")), state: "active" };
    expect(faults(active("a", 1), { ...sessionKey("b", 2), state: "retiring" }, operator)).toEqual([]);
  });

  it.each([null, [], "x", { keys: {} }, {}])("refuses the document %j", (document) => {
    expect(parseKeyRing(document).ok).toBe(false);
  });

  it("names every fault, by the key's kid or place", () => {
    const found = faults({ ...sessionKey("a", 1), k: "" }, {}, 7, { ...sessionKey("b", 1), alg: "x", kty: "x" });
    expect(found.map((fault) => /^key ("[ab]"|[23])/.exec(fault)?.[1])).toEqual(['"a"', "2", "3", '"b"', '"b"']);
  });
});

describe("the key that is signed with", () => {
  const key = (kid: string, nbf?: number, exp?: number) => ({ kid, nbf, exp });
  const at = unixSeconds(1000);
  it.each([
    ["the one that came into use last", [key("old", 1), key("new", 900)], "new"],
    ["not one that is to come", [key("old", 1), key("new", 1001)], "old"],
    ["one from the second on that it begins", [key("old", 1), key("new", 1000)], "new"],
    ["not one that has ended", [key("old"), key("new", 900, 1000)], "old"],
    ["one until the second that it ends", [key("old"), key("new", 900, 1001)], "new"],
    ["the first of equals", [key("a"), key("b")], "a"],
    ["none", [key("a", 1001), key("b", 1, 999)], undefined],
  ])("is %s", (_, keys, kid) => {
    expect(signingKey(keys, at)?.kid).toBe(kid);
  });

  it("is verified with before it begins, and not from the second on that it ends", () => {
    expect([
      isAccepted(key("a", 2000), at),
      isAccepted(key("a", 1, 1001), at),
      isAccepted(key("a", 1, 1000), at),
    ]).toEqual([true, true, false]);
  });
});

describe("the keys that signed before another", () => {
  it.each<[string, Partial<RingKey>, Partial<RingKey>, boolean]>([
    ["one that is retiring", { state: "retiring" }, { state: "active" }, true],
    ["not one that is next, whatever its nbf", { state: "next" }, { nbf: 900 }, false],
    ["one that says it is active, where the clock chose another", { state: "active" }, { nbf: 900 }, true],
    ["one that began earlier", { nbf: 1 }, { nbf: 900 }, true],
    ["not one that is to come", { nbf: 1001 }, { nbf: 900 }, false],
  ])("are %s", (_, other, key, before) => {
    expect(signedBefore(other, key)).toBe(before);
    expect(signedBefore(key, key)).toBe(false);
  });
});

describe("the parts of a ring that are exported", () => {
  const privateParts = ["d", "p", "q", "dp", "dq", "qi", "k"];

  it("is never a symmetric key", () => {
    const given = publicJwk(sessionKey("a", 1));
    expect(given.ok).toBe(false);
    expect(JSON.stringify(given)).not.toContain(sessionKey("a", 1).k);
  });

  it("is the public half of a pair alone", async () => {
    const pairs = [await newCloudFrontKey("K1", "rsa"), await newCloudFrontKey("K2", "ec"), await newOperatorKey("o")];
    for (const pair of pairs) {
      const given = publicJwk(pair);
      expect(Object.keys(given.ok ? given.value : { d: 1 }).filter((name) => privateParts.includes(name))).toEqual([]);
      const kept: RingKey = withoutPrivateHalf({ ...pair, nbf: 1, exp: 2 });
      expect(Object.keys(kept).filter((name) => privateParts.includes(name))).toEqual([]);
      expect(faults(kept)).toEqual([]);
      expect(kept).toMatchObject({ kid: pair.kid, nbf: 1, exp: 2 });
      expect(isSameKey(kept, pair)).toBe(true);
      expect(pairs.filter((other) => isSameKey(other, pair))).toEqual([pair]);
      expect(await publicPem(pair)).toMatch(
        /^-----BEGIN PUBLIC KEY-----\n([A-Za-z0-9+/=]{1,64}\n)+-----END PUBLIC KEY-----\n$/,
      );
    }
  });
});
