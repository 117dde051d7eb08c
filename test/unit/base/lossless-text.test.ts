import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bytesText, textBody, textBytes } from "../../../src/base/lossless-text.ts";

const lossy = new TextDecoder("utf-8", { ignoreBOM: true });
const bytesOf = (...bytes: number[]) => Uint8Array.from(bytes);

/** Bytes that are partly UTF-8, as in a file that mixes two encodings. */
const mixedBytes = fc
  .array(
    fc.oneof(
      fc.string({ unit: "binary", maxLength: 4 }).map((text) => [...new TextEncoder().encode(text)]),
      fc.array(
        fc.constantFrom(0x0a, 0x23, 0x80, 0x85, 0xa0, 0xbf, 0xc0, 0xc2, 0xe0, 0xe2, 0xed, 0xf0, 0xf4, 0xf8, 0xff),
        {
          maxLength: 4,
        },
      ),
    ),
  )
  .map((parts) => Uint8Array.from(parts.flat()));

describe("text decoded from bytes", () => {
  test("encodes back to the same bytes", () => {
    fc.assert(
      fc.property(fc.oneof(mixedBytes, fc.uint8Array({ maxLength: 64 })), (bytes) => {
        expect([...textBytes(bytesText(bytes))]).toEqual([...bytes]);
      }),
      { numRuns: 2000 },
    );
  });

  test("is what players read, except for bytes that are not UTF-8", () => {
    fc.assert(
      fc.property(mixedBytes, (bytes) => {
        const text = bytesText(bytes);
        // A decoder writes one U+FFFD per invalid byte, or one for several that begin a character.
        const read = text.replaceAll(/[\uDC80-\uDCFF]+/gu, "\uFFFD");
        expect(lossy.decode(bytes).replaceAll(/\uFFFD+/g, "\uFFFD")).toBe(read.replaceAll(/\uFFFD+/g, "\uFFFD"));
        expect(text.isWellFormed()).toBe(!/[\uDC80-\uDCFF]/u.test(text));
      }),
      { numRuns: 2000 },
    );
  });

  test.each([
    ["Latin-1", bytesOf(0x61, 0xe7, 0x61), "a\uDCE7a"],
    ["UTF-8", bytesOf(0x61, 0xc3, 0xa7), "aç"],
    ["Latin-1 and UTF-8 together", bytesOf(0xe7, 0xc3, 0xa7), "\uDCE7ç"],
    ["byte order marks", bytesOf(0xef, 0xbb, 0xbf, 0xef, 0xbb, 0xbf, 0xff), "\uFEFF\uFEFF\uDCFF"],
    ["an encoded surrogate", bytesOf(0xed, 0xb3, 0xa7), "\uDCED\uDCB3\uDCA7"],
    ["an overlong slash", bytesOf(0xc0, 0xaf), "\uDCC0\uDCAF"],
    ["an emoji before a broken byte", bytesOf(0xf0, 0x9f, 0x98, 0x80, 0xe7), "\u{1F600}\uDCE7"],
    ["a character that breaks off", bytesOf(0xe2, 0x80), "\uDCE2\uDC80"],
    ["an empty file", bytesOf(), ""],
  ])("is lossless for %s", (_, bytes, text) => {
    expect(bytesText(bytes)).toBe(text);
    expect([...textBytes(text)]).toEqual([...bytes]);
  });

  test("has one code unit per invalid byte, for four megabytes too", () => {
    const bytes = new Uint8Array(4 * 1024 * 1024).fill(0xe7);
    const text = bytesText(bytes);
    expect(text.length).toBe(bytes.length);
    expect(textBytes(text)).toEqual(bytes);
  });

  test("is sent as a string if it is valid UTF-8, and as bytes otherwise", () => {
    expect(textBody("aç")).toBe("aç");
    expect(textBody("a\uDCE7")).toEqual(bytesOf(0x61, 0xe7));
  });
});
