import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeBase64url, encodeBase64url } from "../../../src/base/encoding.ts";

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

describe("base64url", () => {
  it("takes back what it wrote", () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(decodeBase64url(encodeBase64url(bytes))).toEqual(bytes);
      }),
    );
  });

  it("knows one spelling alone: whatever it reads, it would write so", () => {
    const text = fc.array(fc.constantFrom(...alphabet), { maxLength: 12 }).map((letters) => letters.join(""));
    let taken = 0;
    fc.assert(
      fc.property(text, (spelling) => {
        const bytes = decodeBase64url(spelling);
        if (bytes === undefined) return;
        taken++;
        expect(encodeBase64url(bytes)).toBe(spelling);
      }),
    );
    expect(taken).toBeGreaterThan(0);
  });

  it("takes one last letter in sixteen behind one byte, and one in four behind two", () => {
    const taken = (before: string) => [...alphabet].filter((last) => decodeBase64url(before + last) !== undefined);
    expect(taken("A")).toEqual(["A", "Q", "g", "w"]);
    expect(taken("AA")).toHaveLength(16);
    expect(taken("AAA")).toHaveLength(64);
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
