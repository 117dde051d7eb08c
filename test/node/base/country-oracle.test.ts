import { expect, it } from "vitest";
import { isCountry } from "../../../src/base/country.ts";

/** Regions of CLDR that ISO 3166-1 does not assign: reserved codes, groupings and pseudo-regions. */
const unassigned = new Set(["AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "ZZ"]);

it("isCountry accepts exactly the countries that CLDR lists", () => {
  const names = new Intl.DisplayNames("en", { type: "region", fallback: "none" });
  const letters = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZ"];
  const codes = letters.flatMap((first) => letters.map((second) => first + second));
  // A withdrawn code is an alias of another: und-UK is und-GB.
  const assigned = codes.filter(
    (code) =>
      names.of(code) !== undefined &&
      Intl.getCanonicalLocales(`und-${code}`)[0] === `und-${code}` &&
      !unassigned.has(code),
  );
  expect(codes.filter(isCountry)).toEqual(assigned);
  expect(assigned.length).toBe(250);
});

it.each(["", "de", "D", "DEU", "UK", "XX", "T1", "EU", "DE ", "__proto__", "constructor"])(
  "isCountry rejects %j",
  (text) => {
    expect(isCountry(text)).toBe(false);
  },
);
