import { describe, expect, it } from "vitest";
import { ifRangeMatches, namesEntityTag, parseEntityTags } from "../../../src/origin/ranges.ts";

describe("If-None-Match", () => {
  it.each([
    ['"a"', ['"a"']],
    ['W/"a"', ['"a"']],
    ['"a", W/"b" ,\t"c"', ['"a"', '"b"', '"c"']],
    ['"a,b"', ['"a,b"']],
    ['""', ['""']],
    ["*", "*"],
    [" * ", "*"],
  ])("names its tags: %s", (header, tags) => {
    expect(parseEntityTags(header)).toEqual(tags);
  });

  it.each(["", " ", "a", '"a', '"a" "b"', '"a",', 'w/"a"', '"a", *', ',"a"'])("is malformed: %j", (header) => {
    expect(parseEntityTags(header)).toBeUndefined();
    expect(namesEntityTag(header, '"a"')).toBe(false);
  });

  it("compares weakly: a weak tag on either side matches", () => {
    expect(namesEntityTag('W/"a"', '"a"')).toBe(true);
    expect(namesEntityTag('"a"', 'W/"a"')).toBe(true);
    expect(namesEntityTag('"b"', '"a"')).toBe(false);
    expect(namesEntityTag('"a"', undefined)).toBe(false);
    expect(namesEntityTag("*", undefined)).toBe(true);
  });
});

describe("If-Range", () => {
  it("compares strongly: a weak tag never matches", () => {
    expect(ifRangeMatches('"a"', '"a"', null)).toBe(true);
    expect(ifRangeMatches('"b"', '"a"', null)).toBe(false);
    expect(ifRangeMatches('W/"a"', 'W/"a"', null)).toBe(false);
    expect(ifRangeMatches('"a"', null, null)).toBe(false);
  });

  it("accepts a date that equals Last-Modified exactly", () => {
    const date = "Sat, 21 Nov 2026 20:00:00 GMT";
    expect(ifRangeMatches(date, '"a"', date)).toBe(true);
    expect(ifRangeMatches("Sat, 21 Nov 2026 20:00:01 GMT", '"a"', date)).toBe(false);
    expect(ifRangeMatches(date, null, null)).toBe(false);
  });
});
