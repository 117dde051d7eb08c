import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hasLeadingZero, readDecimal } from "../../../src/base/encoding.ts";

describe("readDecimal", () => {
  it("reads every number of at most 15 digits, at any position", () => {
    fc.assert(
      fc.property(fc.nat({ max: 999_999_999_999_999 }), fc.string(), fc.string(), (number, before, after) => {
        const text = `${before}${number}${after}`;
        expect(readDecimal(text, before.length, text.length - after.length)).toBe(number);
      }),
    );
  });

  it.each(["", "1".repeat(16), "-1", "+1", " 1", "1 ", "1.0", "1e3", "0x1", "1_0", "١", "1/", ":1"])(
    "refuses %j",
    (text) => {
      expect(readDecimal(text)).toBeUndefined();
    },
  );

  it("reads nothing outside the text or from an empty range", () => {
    expect(readDecimal("12", 0, 3)).toBeUndefined();
    expect(readDecimal("12", 2, 2)).toBeUndefined();
  });
});

it("hasLeadingZero finds the zero in 07 and 00, and none in 0, 10 and 7", () => {
  expect(["07", "00", "0", "10", "7", ""].map((text) => hasLeadingZero(text))).toEqual([
    true,
    true,
    false,
    false,
    false,
    false,
  ]);
});
