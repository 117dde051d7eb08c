import { describe, expect, it } from "vitest";
import { keysCheck } from "../../../cli/doctor/checks/keys.ts";
import { cloudFrontCheck } from "../../../cli/doctor/live/cloudfront.ts";
import { parseCatalog } from "../../../src/catalog/catalog.ts";
import { newCloudFrontKey } from "../../../src/keys/generate.ts";
import type { CloudFrontKey, RingKey } from "../../../src/keys/key.ts";
import { catalogOf, clouded, cloudFrontKid, films, findingsOf, ringKeys, ringOf, sound } from "./doctor-stage.ts";
import { type Override, world } from "./doctor-world.ts";

const [session, cloudFront, operator] = ringKeys;
if (session === undefined || cloudFront?.purpose !== "cloudfront" || operator === undefined) throw new Error("no ring");
const active = { ...cloudFront, state: "active" } as const;
const next = { ...(await newCloudFrontKey("KNEXT000000001", "ec")), state: "next" } as const;
const whole = "`npx stagedoor keys export --purpose cloudfront --format aws-cli --ring keys.json`";

/** A distribution that takes these keys alone. */
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
  it("in mid-rotation, the next one, is a warning, and the whole key group is what to upload", async () => {
    const ring = { keys: [session, active, next, operator] };
    expect(await findingsOf([cloudFrontCheck], await world(trusting(cloudFrontKid), { ring, catalog }))).toMatchObject([
      {
        id: "cloudfront_key_refused",
        severity: "warning",
        about: "asset clouded, key KNEXT000000001",
        do: expect.stringMatching(/before it is activated/),
      },
    ]);
    const [found] = await findingsOf([cloudFrontCheck], await world(trusting(cloudFrontKid), { ring, catalog }));
    expect(found?.do).toContain(whole);
  });

  it("while it is active, is a fault with the same advice", async () => {
    const ring = { keys: [session, active, operator] };
    const [found] = await findingsOf([cloudFrontCheck], await world(trusting(), { ring, catalog }));
    expect(found).toMatchObject({ id: "cloudfront_key_refused", severity: "fault" });
    expect(found?.do).toContain(whole);
  });

  it("is no finding where it signs for another distribution's assets alone", async () => {
    const other = await newCloudFrontKey("KOTHER00000001", "ec");
    const ring = { keys: [session, cloudFront, other, operator] };
    expect(await findingsOf([cloudFrontCheck], await world(trusting(cloudFrontKid), { ring }))).toEqual([]);
  });
});

describe("a CloudFront key of the ring", () => {
  it("without an id of CloudFront's is uploaded with all the others, and bound in the ring that was looked at", async () => {
    const facts = { ...sound, ring: ringOf(session, active, { ...next, kid: "cf-2" }, operator) };
    const [found] = await findingsOf([keysCheck], facts);
    expect(found).toMatchObject({ id: "cloudfront_unbound", severity: "warning" });
    expect(found?.do).toContain(whole);
    expect(found?.do).toContain("keys bind --kid cf-2 --id <id> --ring keys.json`");
  });

  const half = <Key extends CloudFrontKey>(key: Key) => ({ ...key, d: undefined });
  const halfRing = ringOf(session, half(active), operator);
  const named = { ...clouded, cloudfront: { url: clouded.cloudfront.url, keyPairId: cloudFrontKid } };

  it.each([
    ["an empty catalog", catalogOf(), "warning"],
    ["no asset of CloudFront's", catalogOf(films), "warning"],
    ["no catalog", undefined, "fault"],
    ["an asset that names none", catalogOf({ ...clouded, cloudfront: {} }), "fault"],
  ] as const)("that is active and has no private half is found with %s", async (_, given, severity) => {
    expect(await findingsOf([keysCheck], { ...sound, ring: halfRing, catalog: given })).toMatchObject([
      {
        id: "signer_missing",
        severity,
        about: `key ${cloudFrontKid}`,
        do: expect.stringContaining(`keys import --purpose cloudfront --kid ${cloudFrontKid} --in`),
      },
    ]);
  });

  it("that is next and has none is a warning", async () => {
    const facts = { ...sound, ring: ringOf(session, active, half(next), operator) };
    expect(await findingsOf([keysCheck], facts)).toMatchObject([
      { id: "signer_missing", severity: "warning", about: "key KNEXT000000001" },
    ]);
  });

  it("that an asset names is left out in favour of one that can sign alone", async () => {
    const adviceOf = async (...keys: readonly RingKey[]) => {
      const found = await findingsOf([keysCheck], { ...sound, ring: ringOf(...keys), catalog: catalogOf(named) });
      return found.find(({ id }) => id === "asset_key_missing")?.do;
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
