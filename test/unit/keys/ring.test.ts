import { describe, expect, it } from "vitest";
import { unixSeconds } from "../../../src/base/time.ts";
import { newCloudFrontKey, newOperatorKey, newSessionKey, newTokenKey } from "../../../src/keys/generate.ts";
import type { RingKey } from "../../../src/keys/key.ts";
import { isSameKey, publicJwk, publicPem, withoutPrivateHalf } from "../../../src/keys/key-material.ts";
import { isAccepted, keysFor, parseKeyRing, signedBefore, signingKey } from "../../../src/keys/ring.ts";
import { sessionKey } from "../signing/session.ts";

const random = (length: number) => crypto.getRandomValues(new Uint8Array(length));

function faultsOf(...keys: readonly unknown[]): readonly string[] {
  const parsed = parseKeyRing({ keys });
  return parsed.ok ? [] : parsed.refusal;
}

describe("the key ring", () => {
  it("accepts every kind of generated key after a round trip through JSON", async () => {
    const keys = [
      newSessionKey("s", random),
      await newCloudFrontKey("K1RSA", "rsa"),
      await newCloudFrontKey("K2EC", "ec"),
      await newTokenKey("t"),
      await newOperatorKey("o"),
    ];
    const parsed = parseKeyRing(JSON.parse(JSON.stringify({ keys: keys })));
    expect(parsed).toEqual({ ok: true, value: { keys: keys } });
    if (parsed.ok) expect(keysFor(parsed.value, "cloudfront").map(({ kid }) => kid)).toEqual(["K1RSA", "K2EC"]);
  });

  it.each<[string, object]>([
    ["a key of 31 bytes", { k: "A".repeat(42) }],
    ["a key in another spelling", { k: `${"A".repeat(42)}B` }],
    ["a kid with a slash", { kid: "a/b" }],
    ["a kid with a line feed", { kid: "a\n" }],
    ["no kid", { kid: undefined }],
    ["another algorithm", { alg: "HS512" }],
    ["the purpose of another kind of key", { purpose: "token" }],
    ["the purpose of an operator key", { purpose: "operator" }],
    ["no purpose", { purpose: undefined }],
    ["a JavaScript property name as its purpose", { purpose: "constructor" }],
    ["an unknown field", { ext: true }],
    ["a time with a fraction", { exp: 1.5 }],
    ["a time before 1970", { nbf: -1 }],
    ["an empty window", { nbf: 10, exp: 10 }],
  ])("refuses %s", (_, changes) => {
    expect(parseKeyRing({ keys: [{ ...sessionKey("a", 1), ...changes }] }).ok).toBe(false);
  });

  it("refuses a P-256 key whose numbers are too short", async () => {
    const key = await newTokenKey("t");
    expect(faultsOf({ ...key, x: "AAAA" })).toHaveLength(1);
    expect(faultsOf({ ...key, d: "AAAA" })).toHaveLength(1);
  });

  it("refuses two keys with the same kid, even with different purposes", async () => {
    expect(faultsOf(sessionKey("a", 1), sessionKey("a", 2))).toHaveLength(1);
    expect(faultsOf(sessionKey("a", 1), await newTokenKey("a"))).toHaveLength(1);
  });

  it("refuses two active keys of one purpose, and names them", async () => {
    const active = (kid: string, byte: number) => ({ ...sessionKey(kid, byte), state: "active" });
    expect(faultsOf(active("a", 1), active("b", 2))).toEqual([expect.stringMatching(/"b" and "a" are both active/)]);
    const operator = { ...(await newOperatorKey("o")), state: "active" };
    expect(faultsOf(active("a", 1), { ...sessionKey("b", 2), state: "retiring" }, operator)).toEqual([]);
  });

  it.each([null, [], "x", { keys: {} }, {}])("refuses the document %j", (document) => {
    expect(parseKeyRing(document).ok).toBe(false);
  });

  it("reports every fault with the key's kid or position", () => {
    const faults = faultsOf({ ...sessionKey("a", 1), k: "" }, {}, 7, { ...sessionKey("b", 1), alg: "x", kty: "x" });
    expect(faults.map((fault) => /^key ("[ab]"|[23])/.exec(fault)?.[1])).toEqual(['"a"', "2", "3", '"b"', '"b"']);
  });
});

describe("the signing key", () => {
  const key = (kid: string, nbf?: number, exp?: number) => ({ kid, nbf, exp });
  const at = unixSeconds(1000);
  it.each([
    ["the one whose window started last", [key("old", 1), key("new", 900)], "new"],
    ["never one whose window starts later", [key("old", 1), key("new", 1001)], "old"],
    ["one from the second at which its window starts", [key("old", 1), key("new", 1000)], "new"],
    ["never an expired one", [key("old"), key("new", 900, 1000)], "old"],
    ["one until the second before it expires", [key("old"), key("new", 900, 1001)], "new"],
    ["the first of two equal ones", [key("a"), key("b")], "a"],
    ["undefined if no window is open", [key("a", 1001), key("b", 1, 999)], undefined],
  ])("is %s", (_, keys, kid) => {
    expect(signingKey(keys, at)?.kid).toBe(kid);
  });

  it("is accepted for verification before its window, and not from its expiry on", () => {
    expect([
      isAccepted(key("a", 2000), at),
      isAccepted(key("a", 1, 1001), at),
      isAccepted(key("a", 1, 1000), at),
    ]).toEqual([true, true, false]);
  });
});

describe("a key that signed before another", () => {
  it.each<[string, Partial<RingKey>, Partial<RingKey>, boolean]>([
    ["a retiring key", { state: "retiring" }, { state: "active" }, true],
    ["not a key in the state next, whatever its nbf", { state: "next" }, { nbf: 900 }, false],
    ["an active key if the clock chose another", { state: "active" }, { nbf: 900 }, true],
    ["a key whose window started earlier", { nbf: 1 }, { nbf: 900 }, true],
    ["not a key whose window starts later", { nbf: 1001 }, { nbf: 900 }, false],
  ])("is %s", (_, other, key, before) => {
    expect(signedBefore(other, key)).toBe(before);
    expect(signedBefore(key, key)).toBe(false);
  });
});

describe("the export of a public key", () => {
  const privateParts = ["d", "p", "q", "dp", "dq", "qi", "k"];

  it("refuses a symmetric key without quoting it", () => {
    const exported = publicJwk(sessionKey("a", 1));
    expect(exported.ok).toBe(false);
    expect(JSON.stringify(exported)).not.toContain(sessionKey("a", 1).k);
  });

  it("contains only the public half of a pair", async () => {
    const pairs = [await newCloudFrontKey("K1", "rsa"), await newCloudFrontKey("K2", "ec"), await newOperatorKey("o")];
    for (const pair of pairs) {
      const exported = publicJwk(pair);
      expect(
        Object.keys(exported.ok ? exported.value : { d: 1 }).filter((name) => privateParts.includes(name)),
      ).toEqual([]);
      const stripped: RingKey = withoutPrivateHalf({ ...pair, nbf: 1, exp: 2 });
      expect(Object.keys(stripped).filter((name) => privateParts.includes(name))).toEqual([]);
      expect(faultsOf(stripped)).toEqual([]);
      expect(stripped).toMatchObject({ kid: pair.kid, nbf: 1, exp: 2 });
      expect(isSameKey(stripped, pair)).toBe(true);
      expect(pairs.filter((other) => isSameKey(other, pair))).toEqual([pair]);
      expect(await publicPem(pair)).toMatch(
        /^-----BEGIN PUBLIC KEY-----\n([A-Za-z0-9+/=]{1,64}\n)+-----END PUBLIC KEY-----\n$/,
      );
    }
  });
});
