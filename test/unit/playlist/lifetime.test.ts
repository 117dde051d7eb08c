import { describe, expect, test } from "vitest";
import { seconds } from "../../../src/base/time.ts";
import { bucket, compiled, media, multivariant } from "./sample.ts";

/** The lifetime of each URL of a playlist, by file name. */
function lifetimesOf(text: string): Record<string, number> {
  const { targets } = compiled(text);
  return Object.fromEntries(targets.map(({ path, lifetime }) => [path.slice(path.lastIndexOf("/") + 1), lifetime]));
}

function segments(from: number, to: number, duration = 6): string[] {
  const lines: string[] = [];
  for (let i = from; i < to; i++) lines.push(`#EXTINF:${duration},`, `${i}.ts`);
  return lines;
}

describe("a playlist that will not change", () => {
  test("has URLs that are valid for their position, duration and the pause allowance", () => {
    expect(lifetimesOf(media(...segments(0, 3), "#EXT-X-ENDLIST"))).toEqual({ "0.ts": 306, "1.ts": 312, "2.ts": 318 });
  });

  test("has such URLs by its EXT-X-PLAYLIST-TYPE alone, VOD or EVENT", () => {
    for (const type of ["VOD", "EVENT"])
      expect(lifetimesOf(media(`#EXT-X-PLAYLIST-TYPE:${type}`, ...segments(0, 2)))).toEqual({
        "0.ts": 306,
        "1.ts": 312,
      });
  });

  test("has such URLs if it has I-frames only", () => {
    expect(lifetimesOf(media("#EXT-X-I-FRAMES-ONLY", ...segments(0, 2)))).toEqual({ "0.ts": 306, "1.ts": 312 });
  });

  test("has URLs that are valid for hours if the film takes hours", () => {
    const last = lifetimesOf(media(...segments(0, 1200), "#EXT-X-ENDLIST"))["1199.ts"];
    expect(last).toBeCloseTo(1200 * 6 + 300);
  });

  test("has URLs that are valid for the later use of a file that is used twice", () => {
    expect(lifetimesOf(media(...segments(0, 2), "#EXTINF:6,", "0.ts", "#EXT-X-ENDLIST"))["0.ts"]).toBe(318);
  });

  test("counts a segment without EXTINF as a target duration", () => {
    expect(lifetimesOf(media(...segments(0, 1), "1.ts", "#EXT-X-ENDLIST"))["1.ts"]).toBe(312);
  });
});

describe("a live playlist", () => {
  test("has URLs that are all valid for the window and 3 target durations", () => {
    expect(lifetimesOf(media(...segments(0, 3)))).toEqual({ "0.ts": 36, "1.ts": 36, "2.ts": 36 });
  });

  test("counts at most 5 minutes of its window", () => {
    expect(lifetimesOf(media(...segments(0, 100)))["0.ts"]).toBe(318);
  });

  test("includes the segments that a delta update skips, and CAN-SKIP-UNTIL, in its window", () => {
    expect(lifetimesOf(media("#EXT-X-SKIP:SKIPPED-SEGMENTS=10", ...segments(10, 12)))["10.ts"]).toBe(72 + 18);
    const control = "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=36.0";
    expect(lifetimesOf(media(control, ...segments(0, 3)))["0.ts"]).toBe(36 + 18);
  });

  test("does not move its expiries with each part of the coming segment", () => {
    const at = (parts: number) => {
      const lines = Array.from({ length: parts }, (_, i) => `#EXT-X-PART:DURATION=1,URI="p${i}.mp4"`);
      const hint = `#EXT-X-PRELOAD-HINT:TYPE=PART,URI="p${parts}.mp4"`;
      return new Set(
        Object.values(lifetimesOf(media("#EXT-X-PART-INF:PART-TARGET=1", ...segments(0, 3), ...lines, hint))),
      );
    };
    for (const parts of [0, 1, 5, 6]) expect(at(parts)).toEqual(new Set([18 + 6 + 18]));
  });

  test("has no ENDLIST, is not of the type VOD and is not multivariant", () => {
    expect(compiled(media(...segments(0, 3)))).toMatchObject({ kind: "media", live: true });
    expect(compiled(media("#EXT-X-PLAYLIST-TYPE:EVENT", ...segments(0, 1))).live).toBe(true);
    expect(compiled(media("#EXT-X-PLAYLIST-TYPE:VOD", ...segments(0, 1))).live).toBe(false);
    expect(compiled(media(...segments(0, 1), "#EXT-X-ENDLIST")).live).toBe(false);
    expect(compiled(multivariant())).toMatchObject({ kind: "multivariant", live: false });
  });
});

describe("the URL of a KEY or a MAP", () => {
  const key = (name: string, more = "") => `#EXT-X-KEY:METHOD=AES-128,URI="${name}"${more}`;

  test("is valid until the next key of its KEYFORMAT", () => {
    const text = media(key("a"), ...segments(0, 2), key("b"), ...segments(2, 5), "#EXT-X-ENDLIST");
    expect(lifetimesOf(text)).toMatchObject({ a: 312, "1.ts": 312, b: 330, "4.ts": 330 });
  });

  test("is valid beyond the next key if that has another KEYFORMAT", () => {
    const text = media(key("a"), ...segments(0, 1), key("b", ',KEYFORMAT="x"'), ...segments(1, 3), "#EXT-X-ENDLIST");
    expect(lifetimesOf(text)).toMatchObject({ a: 318, b: 318 });
  });

  test("is valid until METHOD=NONE, which ends all keys", () => {
    const text = media(
      key("a"),
      key("b", ',KEYFORMAT="x"'),
      ...segments(0, 1),
      "#EXT-X-KEY:METHOD=NONE",
      ...segments(1, 3),
      "#EXT-X-ENDLIST",
    );
    expect(lifetimesOf(text)).toMatchObject({ a: 306, b: 306 });
  });

  test("is valid until the last use of its MAP, even if another one was used in between", () => {
    const [one, two] = ['#EXT-X-MAP:URI="a.mp4"', '#EXT-X-MAP:URI="b.mp4"'];
    const text = media(one, ...segments(0, 1), two, ...segments(1, 2), one, ...segments(2, 3), "#EXT-X-ENDLIST");
    expect(lifetimesOf(text)).toMatchObject({ "a.mp4": 318, "b.mp4": 312 });
  });

  test("is valid for the parts of the coming segment too, if an EVENT goes on", () => {
    const type = "#EXT-X-PLAYLIST-TYPE:EVENT";
    const part = '#EXT-X-PART:DURATION=1,URI="p.mp4"';
    const ongoing = lifetimesOf(media(type, key("a"), ...segments(0, 2), part));
    expect(ongoing.a).toBe(ongoing["p.mp4"]);
    expect(lifetimesOf(media(type, key("a"), part, ...segments(0, 2)))).toMatchObject({ a: 312, "1.ts": 312 });
  });

  test("is valid as long as the segments if the playlist is live", () => {
    expect(lifetimesOf(media(key("a"), '#EXT-X-MAP:URI="i.mp4"', ...segments(0, 3)))).toMatchObject({
      a: 36,
      "i.mp4": 36,
    });
  });

  test("stays the same for a day if it is a MAP's and the playlist will change", () => {
    const map = '#EXT-X-MAP:URI="i.mp4"';
    const roundToOf = (...lines: string[]) =>
      compiled(media(...lines)).targets.find(({ path }) => path.endsWith("i.mp4"))?.roundTo;
    expect(roundToOf(map, ...segments(0, 3))).toBe(86_400);
    expect(roundToOf("#EXT-X-PLAYLIST-TYPE:EVENT", map, ...segments(0, 3))).toBe(86_400);
    expect(roundToOf(...segments(0, 3), '#EXT-X-PRELOAD-HINT:TYPE=MAP,URI="i.mp4"')).toBe(86_400);
    expect(roundToOf(map, ...segments(0, 3), "#EXT-X-ENDLIST")).toBe(0);
    expect(roundToOf("#EXT-X-PLAYLIST-TYPE:VOD", map, ...segments(0, 3))).toBe(0);
    // A file that also contains segments expires with them.
    expect(roundToOf(map, "#EXTINF:6,", "#EXT-X-BYTERANGE:9@9", "i.mp4")).toBe(0);
  });

  test("is valid as long as a session for a SESSION-KEY and for files that are opened at any time", () => {
    const text = multivariant(
      '#EXT-X-SESSION-KEY:METHOD=AES-128,URI="k"',
      '#EXT-X-SESSION-DATA:DATA-ID="a",URI="d.json"',
    );
    expect(lifetimesOf(text)).toMatchObject({ k: bucket.fileLifetime, "d.json": bucket.fileLifetime });
    expect(lifetimesOf(media('#EXT-X-DATERANGE:ID="a",X-ASSET-LIST="l.json"'))).toEqual({
      "l.json": bucket.fileLifetime,
    });
  });
});

test("no duration, however broken, gives a lifetime that is not a length of time", () => {
  for (const duration of ["1e300", "9".repeat(400), "-6", "NaN", "Infinity", "", " 6", "0", "0x10", "1.2.3"]) {
    const text = media("#EXTINF:6,", "0.ts", `#EXTINF:${duration},`, "1.ts", "#EXT-X-ENDLIST");
    for (const { lifetime } of compiled(text).targets) {
      expect(lifetime).toBeGreaterThan(0);
      expect(lifetime).toBeLessThanOrEqual(7 * 86_400);
    }
  }
});

test("the pause allowance of lifetimes is a setting", () => {
  const text = media(...segments(0, 1), "#EXT-X-ENDLIST");
  expect(compiled(text, { ...bucket, pauseAllowance: seconds(0) }).targets[0]?.lifetime).toBe(6);
});
