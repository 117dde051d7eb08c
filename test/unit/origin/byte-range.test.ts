import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { contentRange, parseContentRange, parseRange, rangeText, resolveRange } from "../../../src/origin/ranges.ts";

describe("a Range header", () => {
  it.each([
    ["bytes=0-9", { from: 0, to: 9 }],
    ["bytes=5-", { from: 5, to: undefined }],
    ["bytes=-7", { suffix: 7 }],
    ["bytes=007-010", { from: 7, to: 10 }],
  ])("is one range: %s", (header, range) => {
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
  ])("is ignored: %j", (header) => {
    expect(parseRange(header)).toBeUndefined();
  });

  it("stays the same when it is written again", () => {
    const size = fc.nat({ max: 999_999_999 });
    const ranges = fc.oneof(
      fc.record({ suffix: size }),
      fc.tuple(size, fc.option(size, { nil: undefined })).map(([from, length]) => ({
        from,
        to: length === undefined ? undefined : from + length,
      })),
    );
    fc.assert(
      fc.property(ranges, (range) => {
        expect(parseRange(rangeText(range))).toEqual(range);
      }),
    );
  });

  it("selects the bytes that slicing the file gives", () => {
    const small = fc.nat({ max: 40 });
    fc.assert(
      fc.property(small, small, fc.option(small, { nil: undefined }), fc.boolean(), (size, a, b, suffix) => {
        const file = Uint8Array.from({ length: size }, (_, i) => i);
        const range = suffix ? { suffix: a } : { from: a, to: b === undefined ? undefined : a + b };
        const to = b === undefined ? undefined : a + b + 1;
        const expected = suffix ? file.slice(a === 0 ? size : -a) : file.slice(a, to);
        const part = resolveRange(range, size);
        expect(part === undefined ? new Uint8Array() : file.slice(part.offset, part.offset + part.length)).toEqual(
          expected,
        );
        expect(part?.length).not.toBe(0);
      }),
    );
  });
});

describe("a Content-Range header", () => {
  it("includes its last byte", () => {
    expect(contentRange({ offset: 5, length: 10 }, 100)).toBe("bytes 5-14/100");
  });

  it.each([
    ["bytes 0-9/1000", { range: { offset: 0, length: 10 }, size: 1000 }],
    ["bytes 990-999/1000", { range: { offset: 990, length: 10 }, size: 1000 }],
    ["Bytes 0-9/1000", { range: { offset: 0, length: 10 }, size: 1000 }],
    ["bytes 0-999/*", { range: { offset: 0, length: 1000 }, size: undefined }],
    ["bytes */0", { range: undefined, size: 0 }],
  ])("is parsed: %s", (header, parsed) => {
    expect(parseContentRange(header)).toEqual(parsed);
  });

  it.each([
    ...["bytes */*", "bytes 0-9", "bytes 0-9/", "bytes 0-9/10x", "bytes 9-0/10", "bytes 0-10/10", "bytes -9/10"],
    ...["bytes 0-/10", "bytes=0-9/10", "items 0-9/10", "bytes", "", null],
  ])("is malformed: %s", (header) => {
    expect(parseContentRange(header)).toBeUndefined();
  });
});
