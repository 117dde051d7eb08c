import { describe, expect, it } from "vitest";
import { type Conditions, conditionsHold } from "../../../src/auth/access-policy.ts";
import { unixSeconds } from "../../../src/base/time.ts";
import { now } from "../signing/session.ts";

const site = "https://www.example.com";
const here = { country: "DE", origin: site };

function verdict(asset: Conditions, from: Partial<Record<"country" | "origin", string | undefined>> = {}, at = now) {
  const held = conditionsHold(asset, { ...here, ...from }, at);
  return held.ok ? "plays" : held.refusal.code;
}

describe("an asset's countries", () => {
  it.each([
    [{ only: ["DE", "AT"] }, "DE", "plays"],
    [{ only: ["DE", "AT"] }, "FR", "country_forbidden"],
    [{ only: ["DE"] }, "de", "country_forbidden"],
    [{ except: ["US"] }, "DE", "plays"],
    [{ except: ["US", "DE"] }, "DE", "country_forbidden"],
  ])("%j and a client in %s: %s", (countries, country, expected) => {
    expect(verdict({ countries }, { country })).toBe(expected);
  });

  it.each([undefined, "", "XX", "T1", "us", "DE, US", "__proto__"])(
    "let nobody in of whom nobody knows where he is: %j, also where it plays almost everywhere",
    (country) => {
      expect(verdict({ countries: { only: ["DE"] } }, { country })).toBe("country_forbidden");
      expect(verdict({ countries: { except: ["US"] } }, { country })).toBe("country_forbidden");
    },
  );
});

describe("an asset's origins", () => {
  const origins = ["https://example.com", "https://*.example.com"];
  it.each([
    ["https://example.com", "plays"],
    ["https://tv.example.com", "plays"],
    ["https://evil.example", "origin_forbidden"],
    ["https://example.com.evil.example", "origin_forbidden"],
    ["http://example.com", "origin_forbidden"],
    ["null", "origin_forbidden"],
    ["", "origin_forbidden"],
  ])("and a page of %j: %s", (origin, expected) => {
    expect(verdict({ origins }, { origin })).toBe(expected);
  });

  it("let nobody in who sends none", () => {
    expect(verdict({ origins }, { origin: undefined })).toBe("origin_forbidden");
  });

  it("are not quoted in the reason, nor is what came: it goes to the log", () => {
    const held = conditionsHold({ origins }, { ...here, origin: "https://MARKED.example" }, now);
    expect(JSON.stringify(held)).not.toMatch(/MARKED|example\.com/);
  });
});

describe("an asset's window", () => {
  const [from, until] = [now, unixSeconds(now + 3600)];
  it.each([
    [-1, "asset_not_yet_available"],
    [0, "plays"],
    [3599, "plays"],
    [3600, "asset_no_longer_available"],
  ])("at %i seconds after its beginning: %s", (by, expected) => {
    expect(verdict({ available: { from, until } }, {}, unixSeconds(now + by))).toBe(expected);
  });

  it("may have no beginning, or no end", () => {
    expect(verdict({ available: { until } }, {}, unixSeconds(0))).toBe("plays");
    expect(verdict({ available: { from } }, {}, unixSeconds(now + 1e9))).toBe("plays");
  });
});

it("asks for nothing that the asset does not say", () => {
  expect(verdict({}, { country: undefined, origin: undefined })).toBe("plays");
});

it("asks for all that it says", () => {
  const asset: Conditions = { countries: { only: ["DE"] }, origins: [site], available: { from: now } };
  expect(verdict(asset)).toBe("plays");
  expect(verdict(asset, { country: "FR" })).toBe("country_forbidden");
  expect(verdict(asset, { origin: "https://evil.example" })).toBe("origin_forbidden");
  expect(verdict(asset, {}, unixSeconds(now - 1))).toBe("asset_not_yet_available");
});
