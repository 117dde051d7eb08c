import { describe, expect, it } from "vitest";
import type { Place } from "../../../src/base/place.ts";
import { checkPlaces, placesSchema } from "../../../src/catalog/places.ts";
import { faultsOf, sampleDocument } from "./sample.ts";

const california: Place = { country: "US", region: "US-CA", postal: "90210", asn: 64500, anonymous: false };
const berlin: Place = { country: "DE", region: "DE-BE", postal: "10115", asn: 64501, anonymous: false };
const unknown: Place = { country: undefined };

function outcome(places: unknown, place: Place) {
  const checked = checkPlaces(placesSchema.parse(places), place);
  if (checked.ok || checked.refusal.code !== "place_forbidden") return "plays";
  return checked.refusal.unknown.join(" ") || "refused";
}

describe("an asset's places", () => {
  it.each<[object, Place, string]>([
    [{ only: [{ regions: ["US-CA"] }] }, california, "plays"],
    [{ only: [{ regions: ["US-NY"] }] }, california, "refused"],
    [{ only: [{ regions: ["US-NY"] }, { countries: ["DE"] }] }, berlin, "plays"],
    [{ only: [{ countries: ["US"], asns: [64501] }] }, california, "refused"],
    [{ only: [{ countries: ["US"], asns: [64500] }] }, california, "plays"],
    [{ only: [{ countries: ["US"], postal: ["902", "100"] }] }, california, "plays"],
    [{ only: [{ countries: ["US"], postal: ["101"] }] }, berlin, "refused"],
    [{ except: [{ regions: ["US-CA"] }] }, california, "refused"],
    [{ except: [{ regions: ["US-CA"] }] }, berlin, "plays"],
    [{ except: [{ asns: [64500] }] }, california, "refused"],
    [{ except: [{ countries: ["GB"], postal: ["sw1a-1"] }] }, { country: "GB", postal: "SW1A1AA" }, "refused"],
  ])("%j in %j: %s", (places, place, expected) => {
    expect(outcome(places, place)).toBe(expected);
  });

  it.each<[object, Place, string]>([
    [{ only: [{ countries: ["DE"] }] }, unknown, "country"],
    [{ only: [{ regions: ["US-CA"] }] }, { country: "US" }, "region"],
    [{ only: [{ countries: ["US"], asns: [64500] }] }, { country: "US" }, "asn"],
    [{ only: [{ countries: ["US"], postal: ["902"] }] }, unknown, "country postal"],
    [{ except: [{ regions: ["US-CA"] }] }, unknown, "region"],
    [{ except: [{ asns: [64500] }] }, { country: "US" }, "asn"],
    [{ except: [{ countries: ["GB"], postal: ["SW1A1"] }] }, { country: "GB", postal: "SW1A" }, "postal"],
  ])("%j refuse a place of which a member that they ask for is unknown: %j, %s", (places, place, members) => {
    expect(outcome(places, place)).toBe(members);
  });

  it.each<[object, Place]>([
    [{ only: [{ countries: ["US"] }] }, { country: "US" }],
    [{ only: [{ countries: ["DE"] }, { regions: ["US-CA"] }] }, { country: "DE" }],
    [{ except: [{ regions: ["US-CA"] }] }, { country: "DE" }],
    [{ except: [{ countries: ["US"], asns: [64500] }] }, { country: "DE" }],
    [{ except: [{ countries: ["GB"], postal: ["SW1A1"] }] }, { country: "GB", postal: "SW1B" }],
  ])("%j need no more of %j than what decides", (places, place) => {
    expect(outcome(places, place)).toBe("plays");
  });

  it.each<[boolean | undefined, string]>([
    [false, "plays"],
    [true, "refused"],
    [undefined, "anonymous"],
  ])("with anonymous: refuse decide for a network that is anonymous (%s): %s", (anonymous, expected) => {
    expect(outcome({ anonymous: "refuse" }, { ...berlin, anonymous })).toBe(expected);
    expect(outcome({ only: [{ countries: ["DE"] }], anonymous: "refuse" }, { ...berlin, anonymous })).toBe(expected);
  });

  it("name neither postal code nor network in the logged reason", () => {
    const refused = checkPlaces(placesSchema.parse({ except: [{ asns: [64500] }] }), california);
    expect(JSON.stringify(refused)).toContain("US-CA");
    expect(JSON.stringify(refused)).not.toMatch(/90210|64500/);
  });

  it.each<[string, unknown]>([
    ["places.only[0].regions[0]", { only: [{ regions: ["CA"] }] }],
    ["places.only[0].regions[0]", { only: [{ regions: ["us-ca"] }] }],
    ["places.only[0].regions[0]", { only: [{ regions: ["UK-ENG"] }] }],
    ["places.only[0].countries[0]", { only: [{ countries: ["XX"] }] }],
    ["places.only[0].asns[0]", { only: [{ asns: [0] }] }],
    ["places.only[0].asns[0]", { only: [{ asns: ["AS64500"] }] }],
    ["places.except[0].postal[0]", { except: [{ countries: ["US"], postal: ["90*"] }] }],
    ["places.except[0].postal", { except: [{ postal: ["902"] }] }],
    ["places.except[0]", { except: [{}] }],
    ["places.only", { only: [] }],
    ["places", {}],
    ["places", { only: [{ countries: ["DE"] }], except: [{ countries: ["US"] }] }],
    ["places.anonymous", { anonymous: "allow" }],
  ])("are refused at %s: %j", (field, places) => {
    const found = faultsOf(sampleDocument({ places }));
    expect(found.map((fault) => fault.field)).toEqual([field]);
    expect(found[0]?.advice).toMatch(/^[A-Z].*\.$/);
  });
});
