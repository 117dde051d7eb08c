import { beforeAll, describe, expect, it } from "vitest";
import { cloudFrontSign } from "../../../../src/adapters/aws/cloudfront-key.ts";
import { seconds, after as timeAfter, type UnixSeconds } from "../../../../src/base/seconds.ts";
import { newCloudFrontKey } from "../../../../src/keys/generate.ts";
import type { CloudFrontKey } from "../../../../src/keys/key.ts";
import { withoutPrivateHalf } from "../../../../src/keys/public.ts";
import { publicKeysOf } from "../../../../src/signing/cloudfront/key-ring.ts";
import { cloudFrontSigners } from "../../../../src/signing/cloudfront/signers.ts";
import { in5Minutes, now } from "../session.ts";

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
    ["for a key that the ring does not hold", () => signersAt(pair, now)({ ...settings, keyPairId: "K9" })],
    ["for a key without its private half", () => signersAt(withoutPrivateHalf(pair), now)(settings)],
  ])("%s", (_, ask) => {
    expect(ask()).toMatchObject({ ok: false, refusal: { code: "configuration_invalid" } });
  });
});
