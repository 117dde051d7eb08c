import { describe, expect, it } from "vitest";
import { unixSeconds } from "../../../src/base/time.ts";
import { statedFreshness, variesOnEverything } from "../../../src/origin/freshness.ts";

const now = unixSeconds(Date.parse("Sat, 21 Nov 2026 20:00:00 GMT") / 1000);
const stated = (headers: Record<string, string>) => statedFreshness(new Headers(headers), now);

describe("the stated freshness", () => {
  it.each([
    ["max-age=30", 30],
    ["public, max-age=30", 30],
    ["MAX-AGE=30", 30],
    [" max-age = 30 ", 30],
    ['max-age="30"', 30],
    ["max-age=30, immutable, stale-while-revalidate=600", 30],
    ["s-maxage=10, max-age=30", 10],
    ["max-age=5, s-maxage=60", 60],
    ["max-age=0", 0],
    ["s-maxage=0, max-age=30", 0],
    ["max-age=60, max-age=30", 30],
    ["max-age=99999999999999999999", Number.MAX_SAFE_INTEGER],
    // Malformed values count as stale.
    ["max-age=", 0],
    ["max-age", 0],
    ["max-age=-1", 0],
    ["max-age=1.5", 0],
    ["max-age=an hour", 0],
    ['max-age="30, no-transform', 0],
  ])("of Cache-Control: %s is %s s", (header, life) => {
    expect(stated({ "Cache-Control": header })).toBe(life);
  });

  it.each([
    ...["no-store", "private", "no-cache", "No-Store", "private, max-age=3600", "max-age=3600, no-cache"],
    ...[
      'private="Set-Cookie", max-age=60',
      'no-cache="Set-Cookie, ETag"',
      'ext="a, b", no-store',
      'ext="\\\\", no-store',
      'ext="\\", no-store',
      'ext="a, no-store',
    ],
    ...["must-understand, no-store", "s-maxage=60, private"],
  ])("of Cache-Control: %s is 0", (header) => {
    expect(stated({ "Cache-Control": header })).toBe(0);
  });

  it.each(["", "public", "must-revalidate, no-transform", 'ext="no-store, private"', "x-no-store", ","])(
    "of Cache-Control: %j is undefined",
    (header) => {
      expect(stated({ "Cache-Control": header })).toBeUndefined();
    },
  );

  it.each([
    [{ "Cache-Control": "max-age=60", Age: "10" }, 50],
    [{ "Cache-Control": "max-age=60", Age: "60" }, 0],
    [{ "Cache-Control": "max-age=60", Age: "600" }, 0],
    [{ "Cache-Control": "max-age=60", Age: "10, 20" }, 50],
    [{ "Cache-Control": "max-age=60", Age: "old" }, 60],
    [{ Age: "10" }, undefined],
  ])("is reduced by the time that the file spent in other caches: %j", (headers, life) => {
    expect(stated(headers)).toBe(life);
  });

  it.each([
    [{ Expires: "Sat, 21 Nov 2026 20:01:00 GMT" }, 60],
    // By the origin's own clock, which may be slow.
    [{ Expires: "Sat, 21 Nov 2026 19:31:00 GMT", Date: "Sat, 21 Nov 2026 19:30:00 GMT" }, 60],
    [{ Expires: "Sat, 21 Nov 2026 20:01:00 GMT", Age: "20" }, 40],
    [{ Expires: "Sat, 21 Nov 2026 20:00:00 GMT" }, 0],
    [{ Expires: "0" }, 0],
    [{ Expires: "-1" }, 0],
    [{ Expires: "soon" }, 0],
    [{ Expires: "" }, 0],
    [{ Expires: "0", "Cache-Control": "max-age=60" }, 60],
    [{ Expires: "0", "Cache-Control": "public" }, 0],
    [{ Date: "Sat, 21 Nov 2026 19:30:00 GMT" }, undefined],
  ])("of Expires counts from Date, and max-age overrides it: %j", (headers, life) => {
    expect(stated(headers)).toBe(life);
  });
});

describe("a Vary header", () => {
  it.each([
    ["*", true],
    ["Origin, *", true],
    [" * ", true],
    ["Origin", false],
    ["Origin, Access-Control-Request-Headers, Accept-Encoding", false],
    ["", false],
    ["X-*", false],
  ])("of %s varies on everything: %s", (header, only) => {
    expect(variesOnEverything(new Headers({ Vary: header }))).toBe(only);
  });

  it("can be missing", () => {
    expect(variesOnEverything(new Headers())).toBe(false);
  });
});
