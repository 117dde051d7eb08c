import { beforeAll, describe, expect, it } from "vitest";
import { ringFor } from "../../../src/config/configuration.ts";
import { newCloudFrontKey, newOperatorKey, newTokenKey } from "../../../src/keys/generate.ts";
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
    ],
  };
});

/** The kids of a ring, and of which of them it holds the private half. */
const held = ({ keys }: KeyRing) =>
  keys.map((key) => ("d" in key && key.d !== undefined ? `${key.kid} private` : key.kid));

describe("a worker's part of the ring", () => {
  it.each([
    ["api", ["s1", "K1", "K2", "o1"]],
    ["manifest", ["s1", "K1 private", "K2 private"]],
    ["edge", ["s1", "K1", "K2"]],
  ] as const)("%s holds what it needs and no more", (worker, kids) => {
    expect(held(ringFor(worker, ring))).toEqual(kids);
  });

  it("holds no key that is retired, and every other with its state", () => {
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

  it("does not say until when operators' credentials last", () => {
    const signed = ring.keys.map((key) => (key.purpose === "operator" ? { ...key, signedUntil: 5 } : key));
    expect(JSON.stringify(ringFor("api", { keys: signed }))).not.toContain("signedUntil");
  });

  it("is a sound ring", () => {
    for (const worker of ["api", "manifest", "edge"] as const) {
      expect(parseKeyRing(JSON.parse(JSON.stringify(ringFor(worker, ring)))).ok).toBe(true);
    }
  });

  it("leaves no private member behind", () => {
    for (const worker of ["edge", "api"] as const) {
      const text = JSON.stringify(ringFor(worker, ring));
      for (const member of ["d", "p", "q", "dp", "dq", "qi"]) expect(text).not.toContain(`"${member}":`);
    }
  });
});

describe("a key ring", () => {
  it("with half of an RSA private half is a fault with a name", () => {
    const broken = ring.keys.map((key) => (key.kty === "RSA" ? { ...key, q: undefined } : key));
    const parsed = parseKeyRing(JSON.parse(JSON.stringify({ keys: broken })));
    expect(parsed).toMatchObject({ ok: false });
    expect(JSON.stringify(parsed)).toContain("all of d, p, q, dp, dq and qi, or none");
  });
});
