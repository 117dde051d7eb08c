import { describe, expect, it } from "vitest";
import { faultsOf, sampleAsset, sampleDocument } from "./sample.ts";

const faults = (fields: object) => faultsOf(sampleDocument({ ...fields })).map(({ name, field }) => `${name} ${field}`);

describe("an asset's conditions", () => {
  it("can be countries, origins and a time window", () => {
    const asset = sampleAsset({
      countries: { only: ["DE", "AT", "CH"] },
      origins: ["https://www.example.com", "https://*.example.com", "http://localhost:8787"],
      available: { from: "2026-11-21T20:00:00Z", until: "2026-11-21T22:00:00+01:00" },
    });
    expect(asset).toMatchObject({
      countries: { only: ["DE", "AT", "CH"] },
      origins: ["https://www.example.com", "https://*.example.com", "http://localhost:8787"],
      available: { from: 1_795_291_200, until: 1_795_294_800 },
    });
    expect(sampleAsset({ countries: { except: ["US"] } }).countries).toEqual({ except: ["US"] });
  });

  it.each([
    ["country_unknown countries.only[1]", { countries: { only: ["DE", "UK"] } }],
    ["country_unknown countries.except[0]", { countries: { except: ["de"] } }],
    ["country_unknown countries.only[0]", { countries: { only: ["DEU"] } }],
    ["country_unknown countries.only[0]", { countries: { only: ["XX"] } }],
    ["countries_unclear countries", { countries: { only: ["DE"], except: ["US"] } }],
    ["countries_unclear countries", { countries: {} }],
    ["schema countries", { countries: ["DE"] }],
    ["schema countries.only", { countries: { only: [] } }],
    ["schema countries", { countries: { only: ["DE"], expect: ["US"] } }],
    ["origin_invalid origins[1]", { origins: ["https://example.com", "example.com"] }],
    ["origin_invalid origins[0]", { origins: ["https://example.com/"] }],
    ["origin_invalid origins[0]", { origins: ["*"] }],
    ["schema origins", { origins: [] }],
    ["schema origins", { origins: "https://example.com" }],
    ["originless_unused originless", { originless: "allow" }],
    ["schema originless", { originless: "refuse", origins: ["https://example.com"] }],
    ["time_invalid available.from", { available: { from: "2026-11-21" } }],
    ["time_invalid available.until", { available: { until: "2026-11-21T20:00:00" } }],
    ["time_invalid available.until", { available: { until: "2026-02-30T20:00:00Z" } }],
    ["schema available.from", { available: { from: 1_795_291_200 } }],
    ["window_empty available", { available: { from: "2026-11-21T20:00:00Z", until: "2026-11-21T20:00:00Z" } }],
    ["window_empty available", { available: { from: "2026-11-21T20:00:00Z", until: "2026-11-21T20:30:00+01:00" } }],
    ["schema available", { available: {} }],
    ["schema available", { available: { till: "2026-11-21T20:00:00Z" } }],
  ])("are refused as %s: %j", (fault, fields) => {
    expect(faults(fields)).toContain(fault);
  });

  it("have advice for each of their faults, all at once", () => {
    const reported = faultsOf(
      sampleDocument({
        countries: { only: ["UK"] },
        origins: ["example.com"],
        available: { from: "tomorrow", until: "2026-11-21" },
      }),
    );
    expect(reported.map(({ name }) => name)).toEqual([
      "country_unknown",
      "origin_invalid",
      "time_invalid",
      "time_invalid",
    ]);
    for (const { advice } of reported) expect(advice).toMatch(/^[A-Z].*\.$/);
  });
});
