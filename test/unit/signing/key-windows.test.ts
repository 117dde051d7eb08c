import { beforeAll, describe, expect, it } from "vitest";
import { seconds, after as timeAfter, type UnixSeconds } from "../../../src/base/time.ts";
import { newCloudFrontKey } from "../../../src/keys/generate.ts";
import type { CloudFrontKey } from "../../../src/keys/key.ts";
import { withoutPrivateHalf } from "../../../src/keys/key-material.ts";
import { cloudFrontSign } from "../../../src/platform/node/node-crypto.ts";
import { cloudFrontSigners } from "../../../src/signing/cloudfront/asset-signers.ts";
import { publicKeysOf } from "../../../src/signing/cloudfront/verify-cloudfront.ts";
import { in5Minutes, now } from "./session.ts";

let pair: CloudFrontKey;
beforeAll(async () => {
  pair = { ...(await newCloudFrontKey("K2", "ec")), exp: in5Minutes };
});

const settings = { keyPairId: "K2", hash: "SHA256" } as const;
const signersAt = (key: CloudFrontKey, time: UnixSeconds) =>
  cloudFrontSigners(
    { keys: [key] },
    "https://media.example",
    () => time,
    (jwk, hash) => cloudFrontSign({ ...jwk }, hash),
  );

describe("a CloudFront key's window", () => {
  it("ends what it signs and what is verified under it, in an isolate that goes on", async () => {
    let time = now;
    const keys = await publicKeysOf({ keys: [pair] }, () => time);
    const sign = cloudFrontSigners(
      { keys: [pair] },
      "https://media.example",
      () => time,
      (jwk, hash) => cloudFrontSign({ ...jwk }, hash),
    );
    if (!keys.ok) throw new Error(keys.refusal.join());
    expect(keys.value("K2")).toBeDefined();
    expect(sign(settings).ok).toBe(true);
    time = in5Minutes;
    expect(keys.value("K2")).toBeUndefined();
    expect(sign(settings)).toMatchObject({ ok: false, refusal: { code: "configuration_invalid" } });
  });

  it("lets the last second before its end count", () => {
    expect(signersAt(pair, timeAfter(in5Minutes, seconds(-1)))(settings).ok).toBe(true);
  });
});

describe("a signer is refused", () => {
  it.each([
    ["for a key that is not in the ring", () => signersAt(pair, now)({ ...settings, keyPairId: "K9" })],
    ["for a key without its private half", () => signersAt(withoutPrivateHalf(pair), now)(settings)],
  ])("%s", (_, ask) => {
    expect(ask()).toMatchObject({ ok: false, refusal: { code: "configuration_invalid" } });
  });
});

describe("a public half alone", () => {
  it("is never the active signer, whatever the ring says of it: a key that can sign does", async () => {
    const half: CloudFrontKey = { ...withoutPrivateHalf(pair), state: "active", since: now };
    const whole = await newCloudFrontKey("K5", "ec");
    const signerOf = (...keys: readonly CloudFrontKey[]) =>
      cloudFrontSigners(
        { keys },
        "https://media.example",
        () => now,
        (jwk, hash) => cloudFrontSign({ ...jwk }, hash),
      )({ hash: "SHA256" });
    expect(signerOf(half, whole)).toMatchObject({ ok: true, value: { keyPairId: "K5" } });
    expect(signerOf({ ...half, state: undefined }, whole)).toMatchObject({ ok: true, value: { keyPairId: "K5" } });
    expect(signerOf(half)).toMatchObject({ ok: false, refusal: { code: "configuration_invalid" } });
    expect(signerOf(half, { ...whole, state: "next" })).toMatchObject({ ok: false });
  });
});

describe("an asset that names no key", () => {
  let others: readonly CloudFrontKey[];
  beforeAll(async () => {
    others = await Promise.all(["K3", "K4"].map((kid) => newCloudFrontKey(kid, "ec")));
  });
  const signedBy = (keys: readonly CloudFrontKey[], keyPairId?: string) => {
    const signers = cloudFrontSigners(
      { keys },
      "https://media.example",
      () => now,
      (jwk, hash) => cloudFrontSign({ ...jwk }, hash),
    );
    const signer = signers({ hash: "SHA256", keyPairId });
    if (!signer.ok) return `${signer.refusal.code}: ${signer.refusal.reason}`;
    const url = signer.value.file("/film/0.ts", "", { expires: in5Minutes });
    return url.ok ? new URL(url.value).searchParams.get("Key-Pair-Id") : url.refusal.code;
  };
  const as = (...states: readonly (NonNullable<CloudFrontKey["state"]> | "none")[]) =>
    others.map((key, i) => {
      const state = states[i];
      return { ...key, state: state === "none" ? undefined : state };
    });

  it.each([
    ["the active key", ["retiring", "active"], "K4"],
    ["the active key, beside one that other assets name", ["none", "active"], "K4"],
    ["the only key without a state, beside one that is next", ["none", "next"], "K3"],
  ] as const)("is signed for with %s", (_, states, kid) => {
    expect(signedBy(as(...states))).toBe(kid);
  });

  it("is refused where several keys could be meant, or none is active", () => {
    expect(signedBy(as("none", "none"))).toMatch(/^configuration_invalid: .*several/);
    expect(signedBy(as("retiring", "next"))).toMatch(
      /^configuration_invalid: .*no CloudFront key of the ring is active/,
    );
    expect(signedBy([])).toMatch(/^configuration_invalid/);
  });

  it("leaves another that names one as it is, until that is retired", () => {
    expect(signedBy(as("retiring", "active"), "K3")).toBe("K3");
    expect(signedBy(as("retired", "active"), "K3")).toMatch(/^configuration_invalid/);
  });
});
