import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hasLeadingZero, readDecimal } from "../../../src/base/encoding.ts";

describe("readDecimal", () => {
  it("reads every number of at most 15 digits, at any position", () => {
    fc.assert(
      fc.property(fc.nat({ max: 999_999_999_999_999 }), fc.string(), fc.string(), (number, before, behind) => {
        const text = `${before}${number}${behind}`;
        expect(readDecimal(text, before.length, text.length - behind.length)).toBe(number);
      }),
    );
  });

  it.each(["", "1".repeat(16), "-1", "+1", " 1", "1 ", "1.0", "1e3", "0x1", "1_0", "١", "1/", ":1"])(
    "takes no %j",
    (text) => {
      expect(readDecimal(text)).toBeUndefined();
    },
  );

  it("reads nothing beyond the text", () => {
    expect(readDecimal("12", 0, 3)).toBeUndefined();
    expect(readDecimal("12", 2, 2)).toBeUndefined();
  });
});

it("a zero leads in 07 and 00, and not in 0, 10 and 7", () => {
  expect(["07", "00", "0", "10", "7", ""].map((text) => hasLeadingZero(text))).toEqual([
    true,
    true,
    false,
    false,
    false,
    false,
  ]);
});
