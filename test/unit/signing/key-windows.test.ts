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
  it("ends both signing and verification in a running isolate", async () => {
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

  it("includes the last second before its end", () => {
    expect(signersAt(pair, timeAfter(in5Minutes, seconds(-1)))(settings).ok).toBe(true);
  });
});

describe("a CloudFront signer is refused", () => {
  it.each([
    ["for a key that is not in the ring", () => signersAt(pair, now)({ ...settings, keyPairId: "K9" })],
    ["for a key without its private half", () => signersAt(withoutPrivateHalf(pair), now)(settings)],
  ])("%s", (_, signer) => {
    expect(signer()).toMatchObject({ ok: false, refusal: { code: "configuration_invalid" } });
  });
});

describe("a CloudFront key without its private half", () => {
  it("is never the active signer, whatever its state, so that another key signs", async () => {
    const publicHalf: CloudFrontKey = { ...withoutPrivateHalf(pair), state: "active", since: now };
    const complete = await newCloudFrontKey("K5", "ec");
    const signerOf = (...keys: readonly CloudFrontKey[]) =>
      cloudFrontSigners(
        { keys },
        "https://media.example",
        () => now,
        (jwk, hash) => cloudFrontSign({ ...jwk }, hash),
      )({ hash: "SHA256" });
    expect(signerOf(publicHalf, complete)).toMatchObject({ ok: true, value: { keyPairId: "K5" } });
    expect(signerOf({ ...publicHalf, state: undefined }, complete)).toMatchObject({
      ok: true,
      value: { keyPairId: "K5" },
    });
    expect(signerOf(publicHalf)).toMatchObject({ ok: false, refusal: { code: "configuration_invalid" } });
    expect(signerOf(publicHalf, { ...complete, state: "next" })).toMatchObject({ ok: false });
  });
});

describe("an asset without a key pair id", () => {
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
    ["the active key, even if other assets name another one", ["none", "active"], "K4"],
    ["the only key without a state, even if another one is next", ["none", "next"], "K3"],
  ] as const)("uses %s", (_, states, kid) => {
    expect(signedBy(as(...states))).toBe(kid);
  });

  it("is refused if several keys match or none is active", () => {
    expect(signedBy(as("none", "none"))).toMatch(/^configuration_invalid: .*several/);
    expect(signedBy(as("retiring", "next"))).toMatch(
      /^configuration_invalid: .*no CloudFront key of the ring is active/,
    );
    expect(signedBy([])).toMatch(/^configuration_invalid/);
  });

  it("does not affect an asset that names a key, until that key is retired", () => {
    expect(signedBy(as("retiring", "active"), "K3")).toBe("K3");
    expect(signedBy(as("retired", "active"), "K3")).toMatch(/^configuration_invalid/);
  });
});
