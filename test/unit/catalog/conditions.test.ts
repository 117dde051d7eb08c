import { describe, expect, it } from "vitest";
import { unixSeconds } from "../../../src/base/time.ts";
import { type Conditions, checkConditions, type RequestSource } from "../../../src/catalog/conditions.ts";
import { now } from "../signing/session.ts";

const site = "https://www.example.com";
const here = { country: "DE", origin: site };

function outcome(asset: Conditions, from: Partial<RequestSource> = {}, at = now) {
  const result = checkConditions(asset, { ...here, ...from }, at);
  return result.ok ? "plays" : result.refusal.code;
}

describe("an asset's country condition", () => {
  it.each([
    [{ only: ["DE", "AT"] }, "DE", "plays"],
    [{ only: ["DE", "AT"] }, "FR", "country_forbidden"],
    [{ only: ["DE"] }, "de", "country_forbidden"],
    [{ except: ["US"] }, "DE", "plays"],
    [{ except: ["US", "DE"] }, "DE", "country_forbidden"],
  ])("%j for a client in %s decides: %s", (countries, country, expected) => {
    expect(outcome({ countries }, { country })).toBe(expected);
  });

  it.each([undefined, "", "XX", "T1", "us", "DE, US", "__proto__"])(
    "refuses a client with an unknown country, both as an allow list and as a block list: %j",
    (country) => {
      expect(outcome({ countries: { only: ["DE"] } }, { country })).toBe("country_forbidden");
      expect(outcome({ countries: { except: ["US"] } }, { country })).toBe("country_forbidden");
    },
  );
});

describe("an asset's origin condition", () => {
  const origins = ["https://example.com", "https://*.example.com"];
  it.each([
    ["https://example.com", "plays"],
    ["https://tv.example.com", "plays"],
    ["https://evil.example", "origin_forbidden"],
    ["https://example.com.evil.example", "origin_forbidden"],
    ["http://example.com", "origin_forbidden"],
    ["null", "origin_forbidden"],
    ["", "origin_forbidden"],
  ])("for a page of %j decides: %s", (origin, expected) => {
    expect(outcome({ origins }, { origin })).toBe(expected);
  });

  it("refuses a request with neither Origin nor Referer, unless the asset allows that", () => {
    expect(outcome({ origins }, { origin: undefined })).toBe("origin_forbidden");
    expect(outcome({ origins, originless: "allow" }, { origin: undefined })).toBe("plays");
  });

  it.each([
    ["https://example.com/watch?film=1", "plays"],
    ["https://tv.example.com/", "plays"],
    ["https://evil.example/https://example.com/", "origin_forbidden"],
    ["https://example.com@evil.example/", "origin_forbidden"],
    ["about:blank", "origin_forbidden"],
    ["example.com", "origin_forbidden"],
    ["", "origin_forbidden"],
  ])("reads the site of the Referer %j where there is no Origin: %s", (referer, expected) => {
    expect(outcome({ origins }, { origin: undefined, referer })).toBe(expected);
    expect(outcome({ origins, originless: "allow" }, { origin: undefined, referer })).toBe(expected);
    expect(outcome({ origins }, { origin: "https://evil.example", referer })).toBe("origin_forbidden");
    expect(outcome({ origins }, { origin: "null", referer })).toBe("origin_forbidden");
  });

  it("quotes neither its own origins nor the request's in the logged reason", () => {
    const result = checkConditions({ origins }, { ...here, origin: "https://MARKED.example" }, now);
    expect(JSON.stringify(result)).not.toMatch(/MARKED|example\.com/);
  });
});

describe("an asset's availability window", () => {
  const [from, until] = [now, unixSeconds(now + 3600)];
  it.each([
    [-1, "asset_not_yet_available"],
    [0, "plays"],
    [3599, "plays"],
    [3600, "asset_no_longer_available"],
  ])("at %i seconds after its start decides: %s", (by, expected) => {
    expect(outcome({ available: { from, until } }, {}, unixSeconds(now + by))).toBe(expected);
  });

  it("is open on the side without a limit", () => {
    expect(outcome({ available: { until } }, {}, unixSeconds(0))).toBe("plays");
    expect(outcome({ available: { from } }, {}, unixSeconds(now + 1e9))).toBe("plays");
  });
});

it("an asset without conditions plays for an unknown country and origin", () => {
  expect(outcome({}, { country: undefined, origin: undefined })).toBe("plays");
});

it("an asset with several conditions requires all of them", () => {
  const asset: Conditions = {
    countries: { only: ["DE"] },
    places: { except: [{ asns: [64500] }] },
    origins: [site],
    players: { except: ["Lavf/*"] },
    available: { from: now },
  };
  expect(outcome(asset, { asn: 1, userAgent: "" })).toBe("plays");
  expect(outcome(asset, { asn: 64500, userAgent: "" })).toBe("place_forbidden");
  expect(outcome(asset, { asn: 1, userAgent: "Lavf/60" })).toBe("player_refused");
  expect(outcome(asset, { country: "FR" })).toBe("country_forbidden");
  expect(outcome(asset, { asn: 1, origin: "https://evil.example" })).toBe("origin_forbidden");
  expect(outcome(asset, {}, unixSeconds(now - 1))).toBe("asset_not_yet_available");
});
