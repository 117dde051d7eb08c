import { describe, expect, it } from "vitest";
import { type UnixMilliseconds, unixMilliseconds } from "../../../src/base/time.ts";
import { mayStandIn, type Pace, paceOfNew, paceOfSame } from "../../../src/manifest/playlist-pace.ts";
import { type Progress, progressOf } from "../../../src/playlist/progress.ts";

interface Stream {
  /** The time at which segment n is complete, in milliseconds. */
  readonly endOf: (segment: number) => number;
  readonly durationOf?: (segment: number) => number;
}

const start = 1_795_000_020_000;

/**
 * A live stream whose playlist is requested every 50 ms over a line of 20 ms: the requests to the origin, and how far the
 * served playlist is out of date, in milliseconds since the oldest segment that it lacks.
 */
function simulate({ endOf, durationOf = () => 4 }: Stream, length: number) {
  let newest = 0;
  const requests: number[] = [];
  const ages: { readonly at: number; readonly age: number }[] = [];
  let known: { readonly segment: number; readonly progress: Progress; readonly pace: Pace } | undefined;
  const countAt: number[] = [];
  for (let at = 0; at < length; at += 50) {
    while (endOf(newest + 1) <= at) newest++;
    countAt.push(newest);
    const askedAt = unixMilliseconds(start + at);
    if (known === undefined || askedAt >= known.pace.freshUntil) {
      requests.push(at);
      const sight = { askedAt, answeredAt: unixMilliseconds(askedAt + 20) };
      const progress = progressAt(newest, durationOf(newest));
      const same = known?.segment === newest ? known : undefined;
      const pace = same === undefined ? paceOfNew(progress, sight, known) : paceOfSame(progress, sight, same.pace);
      known = { segment: newest, progress, pace };
    }
    ages.push({ at, age: Math.max(0, at - endOf(known.segment + 1)) });
  }
  return {
    oldest: (from: number) => Math.max(...ages.filter(({ at }) => at >= from).map(({ age }) => age)),
    requests: (from: number) => requests.filter((at) => at >= from).length,
    versions: (from: number) => newest - (countAt[from / 50] ?? 0),
  };
}

function progressAt(segment: number, duration: number): Progress {
  const lines = [
    "#EXTM3U",
    "#EXT-X-TARGETDURATION:4",
    `#EXT-X-MEDIA-SEQUENCE:${segment}`,
    `#EXTINF:${duration},`,
    "a.ts",
  ];
  return progressOf(lines.join("\n"));
}

describe("a live playlist that is requested all the time", () => {
  it.each([300, 1700, 2000, 3900])(
    "costs at most two requests per version, and about one later on: phase %i ms",
    (phase) => {
      const { requests, versions, oldest } = simulate({ endOf: (n) => phase + 4000 * (n - 1) }, 120_000);
      expect(requests(0)).toBeLessThanOrEqual(2 * (versions(0) + 1));
      expect(requests(40_000)).toBeLessThanOrEqual(1.25 * versions(40_000) + 1);
      // Half a segment until the phase is known, half a second after that, and the 50 ms between two requests.
      expect(oldest(0)).toBeLessThanOrEqual(2050);
      expect(oldest(40_000)).toBeLessThanOrEqual(600);
    },
  );

  it("is not late for an encoder with a slightly fast clock", () => {
    const { oldest, requests, versions } = simulate({ endOf: (n) => 300 + 3980 * (n - 1) }, 400_000);
    expect(oldest(40_000)).toBeLessThanOrEqual(700);
    expect(requests(40_000)).toBeLessThanOrEqual(1.6 * versions(40_000));
  });

  it("follows an encoder that is alternately early and late", () => {
    const endOf = (n: number) => 300 + 4000 * (n - 1) + ((n * 7919) % 600);
    const { oldest, requests, versions } = simulate({ endOf }, 120_000);
    expect(oldest(0)).toBeLessThanOrEqual(2700);
    expect(requests(0)).toBeLessThanOrEqual(2.2 * versions(0));
  });

  it("follows segments whose lengths differ from the target duration", () => {
    const lengths = [4, 2, 3, 4, 1];
    const durationOf = (n: number) => lengths[n % lengths.length] ?? 4;
    const endOf = (n: number) => {
      let end = 300;
      for (let i = 1; i < n; i++) end += 1000 * durationOf(i + 1);
      return end;
    };
    const { oldest, requests, versions } = simulate({ endOf, durationOf }, 120_000);
    expect(oldest(0)).toBeLessThanOrEqual(4500);
    expect(requests(0)).toBeLessThanOrEqual(2.2 * versions(0));
  });

  it("is requested less and less often when the stream has stopped", () => {
    const { requests } = simulate({ endOf: (n) => (n > 3 ? Number.POSITIVE_INFINITY : 300 + 4000 * (n - 1)) }, 100_000);
    expect(requests(0)).toBeLessThan(60);
    expect(requests(60_000)).toBeLessThanOrEqual(11);
    expect(requests(60_000)).toBeGreaterThanOrEqual(9);
  });
});

const at = (by: number): UnixMilliseconds => unixMilliseconds(start + by);
const seenAt = (by: number) => ({ askedAt: at(by), answeredAt: at(by + 20) });

describe("a playlist", () => {
  it("that will not change is requested every 10 s", () => {
    const ended = progressOf("#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n0.ts\n#EXT-X-ENDLIST\n");
    const pace = paceOfNew(ended, seenAt(0));
    expect(pace.freshUntil).toBe(at(10_020));
    expect(paceOfSame(ended, seenAt(10_020), pace).freshUntil).toBe(at(20_040));
  });

  it.each([
    ["a part", "#EXT-X-PART-INF:PART-TARGET=1.5", 1500],
    ["a segment", "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES", 4000],
  ])("whose players wait for each version is not requested for %s and half a second", (_, tag, period) => {
    const progress = progressOf(`#EXTM3U\n${tag}\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n0.ts\n`);
    expect(paceOfNew(progress, seenAt(0)).freshUntil).toBe(at(20 + period + 500));
  });

  it("replaces a failing origin's response for 3 target durations, and only while it is live", () => {
    const live = progressAt(7, 4);
    expect(mayStandIn(live, at(0), at(12_000))).toBe(true);
    expect(mayStandIn(live, at(0), at(12_001))).toBe(false);
    expect(mayStandIn({ ...live, live: false }, at(0), at(0))).toBe(false);
  });
});
