import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeBase64url, encodeBase64url } from "../../../src/base/encoding.ts";

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

describe("base64url", () => {
  it("decodes its own encoding to the same bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(decodeBase64url(encodeBase64url(bytes))).toEqual(bytes);
      }),
    );
  });

  it("accepts only one spelling of any bytes", () => {
    const text = fc.array(fc.constantFrom(...alphabet), { maxLength: 12 }).map((letters) => letters.join(""));
    let accepted = 0;
    fc.assert(
      fc.property(text, (spelling) => {
        const bytes = decodeBase64url(spelling);
        if (bytes === undefined) return;
        accepted++;
        expect(encodeBase64url(bytes)).toBe(spelling);
      }),
    );
    expect(accepted).toBeGreaterThan(0);
  });

  it("accepts one last letter in 16 after one byte and one in 4 after two bytes", () => {
    const accepted = (before: string) => [...alphabet].filter((last) => decodeBase64url(before + last) !== undefined);
    expect(accepted("A")).toEqual(["A", "Q", "g", "w"]);
    expect(accepted("AA")).toHaveLength(16);
    expect(accepted("AAA")).toHaveLength(64);
  });

  it.each([
    "A",
    "AAAAA",
    "AA==",
    "AA=",
    "AAA=",
    "A+AA",
    "A/AA",
    "AA AA",
    "AAAA\n",
    " AAAA",
    "AA.A",
    "ÀAAA",
    "AAAＡ",
    "AAA\0",
  ])("refuses %j", (text) => {
    expect(decodeBase64url(text)).toBeUndefined();
  });
});
