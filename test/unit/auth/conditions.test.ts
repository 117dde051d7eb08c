import { describe, expect, it } from "vitest";
import { type Conditions, checkConditions } from "../../../src/auth/access-policy.ts";
import { unixSeconds } from "../../../src/base/time.ts";
import { now } from "../signing/session.ts";

const site = "https://www.example.com";
const here = { country: "DE", origin: site };

function outcome(asset: Conditions, from: Partial<Record<"country" | "origin", string | undefined>> = {}, at = now) {
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

  it("refuses a request without an Origin", () => {
    expect(outcome({ origins }, { origin: undefined })).toBe("origin_forbidden");
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
  const asset: Conditions = { countries: { only: ["DE"] }, origins: [site], available: { from: now } };
  expect(outcome(asset)).toBe("plays");
  expect(outcome(asset, { country: "FR" })).toBe("country_forbidden");
  expect(outcome(asset, { origin: "https://evil.example" })).toBe("origin_forbidden");
  expect(outcome(asset, {}, unixSeconds(now - 1))).toBe("asset_not_yet_available");
});
