import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { keysCheck } from "../../../cli/doctor/checks/keys.ts";
import { cloudFrontCheck } from "../../../cli/doctor/live/cloudfront.ts";
import { parseCatalog } from "../../../src/catalog/catalog.ts";
import { newCloudFrontKey, newEdgeKey } from "../../../src/keys/generate.ts";
import type { CloudFrontKey, RingKey } from "../../../src/keys/key.ts";
import { catalogOf, clouded, cloudFrontKid, films, findingsOf, ringKeys, ringOf, sound } from "./doctor-stage.ts";
import { type Override, world } from "./doctor-world.ts";

const [session, cloudFront, operator] = ringKeys;
if (session === undefined || cloudFront?.purpose !== "cloudfront" || operator === undefined) throw new Error("no ring");
const active = { ...cloudFront, state: "active" } as const;
const next = { ...(await newCloudFrontKey("KNEXT000000001", "ec")), state: "next" } as const;
const whole = "`npx stagedoor keys export --purpose cloudfront --format aws-cli --ring keys.json`";

/** A distribution that accepts only these keys. */
const trusting =
  (...kids: readonly string[]): Override =>
  ({ host, searchParams }) => {
    const kid = searchParams.get("Key-Pair-Id");
    return host === "d1.cloudfront.test" && kid !== null && !kids.includes(kid)
      ? new Response("<Code>InvalidKey</Code>", { status: 403 })
      : undefined;
  };
const unpinned = parseCatalog({ version: 1, assets: [{ ...clouded, cloudfront: { url: clouded.cloudfront.url } }] });
const catalog = unpinned.ok ? unpinned.value : undefined;

describe("a key that CloudFront refuses", () => {
  it("is a warning if it is the next key, with advice to upload the whole key group", async () => {
    const ring = { keys: [session, active, next, operator] };
    expect(await findingsOf([cloudFrontCheck], await world(trusting(cloudFrontKid), { ring, catalog }))).toMatchObject([
      {
        id: "cloudfront_key_refused",
        severity: "warning",
        about: "asset clouded, key KNEXT000000001",
        do: expect.stringMatching(/before it is activated/),
      },
    ]);
    const [finding] = await findingsOf([cloudFrontCheck], await world(trusting(cloudFrontKid), { ring, catalog }));
    expect(finding?.do).toContain(whole);
  });

  it("is a fault with the same advice if it is active", async () => {
    const ring = { keys: [session, active, operator] };
    const [finding] = await findingsOf([cloudFrontCheck], await world(trusting(), { ring, catalog }));
    expect(finding).toMatchObject({ id: "cloudfront_key_refused", severity: "fault" });
    expect(finding?.do).toContain(whole);
  });

  it("is no finding if it signs only for another distribution's assets", async () => {
    const other = await newCloudFrontKey("KOTHER00000001", "ec");
    const ring = { keys: [session, cloudFront, other, operator] };
    expect(await findingsOf([cloudFrontCheck], await world(trusting(cloudFrontKid), { ring }))).toEqual([]);
  });
});

describe("a CloudFront key of the ring", () => {
  it("without a CloudFront id is a warning, with advice to upload all keys and bind the id", async () => {
    const facts = { ...sound, ring: ringOf(session, active, { ...next, kid: "cf-2" }, operator) };
    const [finding] = await findingsOf([keysCheck], facts);
    expect(finding).toMatchObject({ id: "cloudfront_unbound", severity: "warning" });
    expect(finding?.do).toContain(whole);
    expect(finding?.do).toContain("keys bind --kid cf-2 --id <id> --ring keys.json`");
  });

  const half = <Key extends CloudFrontKey>(key: Key) => ({ ...key, d: undefined });
  const halfRing = ringOf(session, half(active), operator);
  const named = { ...clouded, cloudfront: { url: clouded.cloudfront.url, keyPairId: cloudFrontKid } };

  it.each([
    ["an empty catalog", catalogOf(), "warning"],
    ["no asset on CloudFront", catalogOf(films), "warning"],
    ["no catalog", undefined, "fault"],
    ["an asset that names no key", catalogOf({ ...clouded, cloudfront: {} }), "fault"],
  ] as const)("that is active without a private half is found with %s", async (_, catalogGiven, severity) => {
    expect(await findingsOf([keysCheck], { ...sound, ring: halfRing, catalog: catalogGiven })).toMatchObject([
      {
        id: "signer_missing",
        severity,
        about: `key ${cloudFrontKid}`,
        do: expect.stringContaining(`keys import --purpose cloudfront --kid ${cloudFrontKid} --in`),
      },
    ]);
  });

  it("that is next without a private half is a warning", async () => {
    const facts = { ...sound, ring: ringOf(session, active, half(next), operator) };
    expect(await findingsOf([keysCheck], facts)).toMatchObject([
      { id: "signer_missing", severity: "warning", about: "key KNEXT000000001" },
    ]);
  });

  it("that an asset names is replaced in the advice only by a key that can sign", async () => {
    const adviceOf = async (...keys: readonly RingKey[]) => {
      const findings = await findingsOf([keysCheck], { ...sound, ring: ringOf(...keys), catalog: catalogOf(named) });
      return findings.find(({ id }) => id === "asset_key_missing")?.do;
    };
    expect(await adviceOf(session, half(active), operator)).toMatch(
      /^Set cloudfront\.keyPairId .*private half in the ring\. Or import the private half/,
    );
    const better = { ...next, state: "active" } as const;
    expect(await adviceOf(session, better, half(cloudFront), operator)).toContain(
      'so that the active key "KNEXT000000001" signs',
    );
  });
});

it("an asset with a function at CloudFront needs a key of its own that signs", async () => {
  const distant = catalogOf({ ...films, id: "distant", cdn: "cloudfront", cdnUrl: "https://d2.cloudfront.test" });
  const findings = (...keys: readonly RingKey[]) =>
    findingsOf([keysCheck], { ...sound, catalog: distant, ring: ringOf(session, operator, ...keys) });
  expect(await findings()).toMatchObject([
    {
      ...{ id: "signer_missing", about: "purpose cloudfront-session" },
      do: expect.stringContaining("keys new --purpose cloudfront-session"),
    },
  ]);
  expect(await findings(newEdgeKey("e1", randomBytes))).toEqual([]);
});
