import { expect, it } from "vitest";
import { isCountry } from "../../../src/base/country.ts";

/** What CLDR names a region of its own that ISO 3166-1 does not assign: reserved codes, groupings and pseudo-regions. */
const unassigned = new Set(["AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "ZZ"]);

it("knows the countries that CLDR knows, and none beside them", () => {
  const names = new Intl.DisplayNames("en", { type: "region", fallback: "none" });
  const letters = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZ"];
  const codes = letters.flatMap((first) => letters.map((second) => first + second));
  // A code that has gone out of use is an alias of another: und-UK is und-GB.
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
  "%j is no country",
  (text) => {
    expect(isCountry(text)).toBe(false);
  },
);
