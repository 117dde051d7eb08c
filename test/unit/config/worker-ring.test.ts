import { beforeAll, describe, expect, it } from "vitest";
import { ringFor } from "../../../src/config/configuration.ts";
import { newBackendKey, newCloudFrontKey, newOperatorKey, newTokenKey } from "../../../src/keys/generate.ts";
import { type KeyRing, parseKeyRing } from "../../../src/keys/ring.ts";
import { sessionKey } from "../signing/session.ts";

let ring: KeyRing;
beforeAll(async () => {
  ring = {
    keys: [
      sessionKey("s1", 1),
      await newCloudFrontKey("K1", "rsa"),
      await newCloudFrontKey("K2", "ec"),
      await newTokenKey("t1"),
      await newOperatorKey("o1"),
      await newBackendKey("b1"),
    ],
  };
});

/** The kids of a ring, and for which of them it has the private half. */
const keysOf = ({ keys }: KeyRing) =>
  keys.map((key) => ("d" in key && key.d !== undefined ? `${key.kid} private` : key.kid));

describe("a worker's part of the key ring", () => {
  it.each([
    ["api", ["s1", "K1", "K2", "o1", "b1"]],
    ["manifest", ["s1", "K1 private", "K2 private"]],
    ["edge", ["s1", "K1", "K2"]],
  ] as const)("for %s contains only the keys that the worker needs: %j", (worker, kids) => {
    expect(keysOf(ringFor(worker, ring))).toEqual(kids);
  });

  it("contains no retired key, and every other key with its state", () => {
    const [first, ...others] = ring.keys;
    const rotated: KeyRing = {
      keys: [
        ...others.map((key) => ({ ...key, state: "retired" as const })),
        ...(first === undefined ? [] : [{ ...first, state: "retiring" as const }]),
      ],
    };
    for (const worker of ["api", "manifest", "edge"] as const)
      expect(ringFor(worker, rotated).keys.map(({ kid, state }) => [kid, state])).toEqual([["s1", "retiring"]]);
  });

  it("does not reveal the expiry of the credentials of operators and backends", () => {
    const isSigner = ({ purpose }: { purpose: string }) => purpose === "operator" || purpose === "backend";
    const signed = ring.keys.map((key) => (isSigner(key) ? { ...key, signedUntil: 5 } : key));
    expect(JSON.stringify(ringFor("api", { keys: signed }))).not.toContain("signedUntil");
  });

  it("is a valid key ring", () => {
    for (const worker of ["api", "manifest", "edge"] as const) {
      expect(parseKeyRing(JSON.parse(JSON.stringify(ringFor(worker, ring)))).ok).toBe(true);
    }
  });

  it("has no private member for the edge and the API", () => {
    for (const worker of ["edge", "api"] as const) {
      const text = JSON.stringify(ringFor(worker, ring));
      for (const member of ["d", "p", "q", "dp", "dq", "qi"]) expect(text).not.toContain(`"${member}":`);
    }
  });
});

describe("a key ring", () => {
  it("with an incomplete RSA private key is refused, and the reason names the members", () => {
    const broken = ring.keys.map((key) => (key.kty === "RSA" ? { ...key, q: undefined } : key));
    const parsed = parseKeyRing(JSON.parse(JSON.stringify({ keys: broken })));
    expect(parsed).toMatchObject({ ok: false });
    expect(JSON.stringify(parsed)).toContain("all of d, p, q, dp, dq and qi, or none");
  });
});
