import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  between,
  earlier,
  isUnixSeconds,
  rfc3339,
  roundUpTo,
  seconds,
  after as timeAfter,
  unixSeconds,
} from "../../../src/base/time.ts";

const latest = 253_402_300_799;

describe("a point in time", () => {
  it.each([0, 1, 1_795_000_000, latest])("can be %d", (value) => {
    expect(isUnixSeconds(value)).toBe(true);
    expect(unixSeconds(value)).toBe(value);
  });

  it.each([-1, 1.5, latest + 1, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])("cannot be %d", (value) => {
    expect(isUnixSeconds(value)).toBe(false);
    expect(() => unixSeconds(value)).toThrow(RangeError);
  });

  it.each(["1795000000", null, undefined, 1_795_000_000n, {}, [1_795_000_000]])(
    "cannot be %o, which is not a number",
    (value) => {
      expect(isUnixSeconds(value)).toBe(false);
    },
  );

  it("is in whole seconds, rounded up so that a segment is covered to its end", () => {
    expect(timeAfter(unixSeconds(100), seconds(6.006))).toBe(107);
    expect(between(unixSeconds(100), unixSeconds(90))).toBe(-10);
    expect(earlier(unixSeconds(5), unixSeconds(4))).toBe(4);
  });

  it("is no later than the year 9999, where RFC 3339 ends", () => {
    expect(() => timeAfter(unixSeconds(latest), seconds(1))).toThrow(RangeError);
    expect(() => seconds(Number.POSITIVE_INFINITY)).toThrow(RangeError);
  });
});

describe("roundUpTo", () => {
  it("returns the first multiple of the step that is not before the time", () => {
    const step = fc.integer({ min: 1, max: 3600 }).map(seconds);
    const time = fc.integer({ min: 0, max: 4_000_000_000 }).map(unixSeconds);
    fc.assert(
      fc.property(step, time, (by, at) => {
        const rounded = roundUpTo(by, at);
        expect(rounded % by).toBe(0);
        expect(rounded - at).toBeGreaterThanOrEqual(0);
        expect(rounded - at).toBeLessThan(by);
      }),
    );
  });
});

describe("rfc3339", () => {
  it.each([
    [0, "1970-01-01T00:00:00Z"],
    [1_795_000_000, "2026-11-18T11:06:40Z"],
    [latest, "9999-12-31T23:59:59Z"],
  ])("writes %d as %s", (time, text) => {
    expect(rfc3339(unixSeconds(time))).toBe(text);
  });
});
