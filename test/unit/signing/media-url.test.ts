import { describe, expect, it } from "vitest";
import { mediaPurposes, parameterOf } from "../../../src/base/media-purpose.ts";
import { unixSeconds } from "../../../src/base/time.ts";
import { checkMediaRequest } from "../../../src/edge/check-media-request.ts";
import { signedParameter } from "../../../src/signing/media-url.ts";
import { type Judgement, signingContract } from "./contract.ts";
import { isAlwaysBound, mediaSample, schemes, useOf } from "./media-samples.ts";
import {
  catalog,
  client,
  grantIssuer,
  grantOf,
  in5Minutes,
  keyOf,
  now,
  preparedKeys,
  signedTarget,
} from "./session.ts";

describe.each(schemes)("the $binding URL of a $purpose ($id)", ({ purpose, binding, id, query }) => {
  signingContract(async () => {
    const keys = await preparedKeys();
    return {
      ...mediaSample({ purpose, binding, id, query }, keys),
      judge: (url, when): Judgement =>
        checkMediaRequest(url, { keys, catalog, grantIssuer, client, now: when === "late" ? in5Minutes : now }).verdict,
    };
  });

  it(`${binding === "shared" && !isAlwaysBound(purpose) ? "is valid under every grant of the asset" : "is valid only under its own grant"}`, async () => {
    const keys = await preparedKeys();
    const key = keyOf(keys, "2026-a");
    const claims = { prefix: `/${id}/`, ...useOf(purpose) };
    const grant = grantOf(key, claims);
    const another = grantOf(key, { ...claims, sessionId: "AAAAAAAAAAAAAAAAAAAAAA" });
    const bound = isAlwaysBound(purpose) || binding === "session-bound";
    const path = `/${id}/a.${purpose === "file" ? "jpg" : "ts"}`;
    const signed = signedTarget(key, { purpose, grant, signedGrant: bound ? grant : "", path, query });
    const { verdict } = checkMediaRequest(signed.replace(grant, another), { keys, catalog, grantIssuer, client, now });
    expect(verdict).toBe(bound ? "refused" : "passed");
  });
});

describe("the parameter that signs a URI", () => {
  it.each(mediaPurposes)("of a %s is at most 40 bytes, all of which a player keeps", async (purpose) => {
    const { url } = keyOf(await preparedKeys(), "2026-a");
    for (const expiry of [now, unixSeconds(9_999_999_999)]) {
      for (let i = 0; i < 200; i++) {
        const added = signedParameter(url[purpose], purpose, { path: `/film/${i}.ts`, query: "", expiry });
        expect(`?${added}`.length).toBeLessThanOrEqual(40);
        const [name, value, ...more] = added.split("=");
        expect([name, more.length]).toEqual([parameterOf[purpose], 0]);
        expect(value).toMatch(/^\d{10}\.[A-Za-z0-9_-]{22}$/);
        expect(new URLSearchParams(added).toString()).toBe(added);
      }
    }
  });

  it("differs for every other split of path, query, expiry and quality class", async () => {
    const mac = keyOf(await preparedKeys(), "2026-a").url.segment;
    const parts = { path: "/film/a", query: "b=1", expiry: now };
    const variants = [
      { ...parts, path: "/film/a\nb=1", query: "" },
      { ...parts, path: "/film/ab", query: "=1" },
      { ...parts, query: "b=1\n1795000000", expiry: unixSeconds(0) },
      { ...parts, query: "", qualityClass: "b=1" },
      { ...parts, qualityClass: "hd" },
      { ...parts, path: "", qualityClass: "/film/a" },
    ];
    const signed = [parts, ...variants].map((each) => signedParameter(mac, "segment", each).slice(-22));
    expect(new Set(signed).size).toBe(signed.length);
  });
});
