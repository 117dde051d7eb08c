import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { contentRange, parseContentRange, parseRange, rangeText, resolveRange } from "../../../src/origin/ranges.ts";

describe("a Range header", () => {
  it.each([
    ["bytes=0-9", { from: 0, to: 9 }],
    ["bytes=5-", { from: 5, to: undefined }],
    ["bytes=-7", { suffix: 7 }],
    ["bytes=007-010", { from: 7, to: 10 }],
  ])("%s asks for one range", (header, range) => {
    expect(parseRange(header)).toEqual(range);
  });

  it.each([
    undefined,
    "",
    "bytes",
    "bytes=",
    "bytes=-",
    "bytes=9-0",
    "bytes=0-9,20-29",
    "bytes=-5,0-1",
    "bytes=0x1-2",
    "bytes= 0-9",
    "bytes=0 -9",
    "bytes=+1-2",
    "bytes=--5",
    "bytes=1.5-2",
    "bytes=0-9999999999999999",
    "items=0-9",
    "bytes=0-9\r\nX: y",
  ])("%j asks for nothing that is served as a range", (header) => {
    expect(parseRange(header)).toBeUndefined();
  });

  it("is the same after it was spelled again", () => {
    const size = fc.nat({ max: 999_999_999 });
    const asked = fc.oneof(
      fc.record({ suffix: size }),
      fc.tuple(size, fc.option(size, { nil: undefined })).map(([from, length]) => ({
        from,
        to: length === undefined ? undefined : from + length,
      })),
    );
    fc.assert(
      fc.property(asked, (range) => {
        expect(parseRange(rangeText(range))).toEqual(range);
      }),
    );
  });

  it("resolves to what slicing the file gives", () => {
    const small = fc.nat({ max: 40 });
    fc.assert(
      fc.property(small, small, fc.option(small, { nil: undefined }), fc.boolean(), (size, a, b, suffix) => {
        const file = Uint8Array.from({ length: size }, (_, i) => i);
        const range = suffix ? { suffix: a } : { from: a, to: b === undefined ? undefined : a + b };
        const to = b === undefined ? undefined : a + b + 1;
        const expected = suffix ? file.slice(a === 0 ? size : -a) : file.slice(a, to);
        const found = resolveRange(range, size);
        expect(found === undefined ? new Uint8Array() : file.slice(found.offset, found.offset + found.length)).toEqual(
          expected,
        );
        expect(found?.length).not.toBe(0);
      }),
    );
  });
});

describe("a Content-Range header", () => {
  it("counts its last byte in", () => {
    expect(contentRange({ offset: 5, length: 10 }, 100)).toBe("bytes 5-14/100");
  });

  it.each([
    ["bytes 0-9/1000", { range: { offset: 0, length: 10 }, size: 1000 }],
    ["bytes 990-999/1000", { range: { offset: 990, length: 10 }, size: 1000 }],
    ["Bytes 0-9/1000", { range: { offset: 0, length: 10 }, size: 1000 }],
    ["bytes 0-999/*", { range: { offset: 0, length: 1000 }, size: undefined }],
    ["bytes */0", { range: undefined, size: 0 }],
  ])("%s is read", (header, parsed) => {
    expect(parseContentRange(header)).toEqual(parsed);
  });

  it.each([
    ...["bytes */*", "bytes 0-9", "bytes 0-9/", "bytes 0-9/10x", "bytes 9-0/10", "bytes 0-10/10", "bytes -9/10"],
    ...["bytes 0-/10", "bytes=0-9/10", "items 0-9/10", "bytes", "", null],
  ])("%s is malformed", (header) => {
    expect(parseContentRange(header)).toBeUndefined();
  });
});
