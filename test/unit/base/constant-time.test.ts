import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { equalInConstantTime } from "../../../src/base/crypto.ts";

describe("equalInConstantTime", () => {
  it("agrees with ===", () => {
    const text = fc.string({ unit: fc.constantFrom("A", "B", "\0", "\uffff"), maxLength: 4 });
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(equalInConstantTime(a, b)).toBe(a === b);
        expect(equalInConstantTime(a, a)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    ["", ""],
    ["", "\0"],
    ["\0", ""],
    ["A", "AA"],
    ["AA", "A"],
    ["", "A"],
    ["abc", "abd"],
    ["abc", "Abc"],
  ])("compares %j with %j without repeating or padding either", (a, b) => {
    expect(equalInConstantTime(a, b)).toBe(a === b);
  });

  it("reads every character, wherever the first difference is", () => {
    const signature = "A".repeat(22);
    const readings = (forgery: string) => {
      const spy = vi.spyOn(String.prototype, "charCodeAt");
      const equal = equalInConstantTime(forgery, signature);
      const { length } = spy.mock.calls;
      spy.mockRestore();
      expect(equal).toBe(false);
      return length;
    };
    const forgeries = [0, 11, 21].map((at) => `${signature.slice(0, at)}B${signature.slice(at + 1)}`);
    expect(forgeries.map(readings)).toEqual([44, 44, 44]);
  });
});
