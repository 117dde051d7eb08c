import { describe, expect, it } from "vitest";
import { readAsn, readPlace, type ToldPlace } from "../../../src/base/place.ts";

const none = { country: undefined, region: undefined, postal: undefined, asn: undefined, anonymous: undefined };

describe("the place that a host tells", () => {
  it.each<[ToldPlace, object]>([
    [
      { country: "US", region: "CA", postal: "90210", asn: 64500 },
      { country: "US", region: "US-CA", postal: "90210", asn: 64500 },
    ],
    [
      { country: "US", region: "US-CA" },
      { country: "US", region: "US-CA" },
    ],
    [{ country: "DE", region: "US-CA" }, { country: "DE" }],
    [{ country: "US", region: "California" }, { country: "US" }],
    [{ region: "CA" }, {}],
    [
      { country: "GB", postal: "sw1a 1aa" },
      { country: "GB", postal: "SW1A1AA" },
    ],
    [{ postal: "90210; DROP" }, {}],
    [{ postal: " ".repeat(4000) }, {}],
    [{ asn: "64500" }, {}],
    [{ asn: 4294967296 }, {}],
    [{ asn: 0 }, {}],
    [{ anonymous: "1" }, { anonymous: true }],
    [{ anonymous: "false" }, { anonymous: false }],
    [{ anonymous: "perhaps" }, {}],
    [{ country: "T1", anonymous: false }, { anonymous: true }],
    [{ country: "XX", region: "CA" }, {}],
    [{ country: 49, region: {}, postal: 90210, asn: [1], anonymous: null }, {}],
  ])("of %j has only members of the right form", (told, place) => {
    expect(readPlace(told)).toEqual({ ...none, ...place });
  });
});

it.each<[string | null, number | undefined]>([
  ["64500", 64500],
  ["AS64500", 64500],
  ["as64500", undefined],
  ["0", undefined],
  ["1e3", undefined],
  ["64500, 1", undefined],
  ["", undefined],
  [null, undefined],
])("reads the number of a network from %j: %s", (text, asn) => {
  expect(readAsn(text)).toBe(asn);
});
