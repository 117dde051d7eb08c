import { describe, expect, test } from "vitest";
import { seconds } from "../../../src/base/time.ts";
import { bucket, compiled, media, multivariant } from "./sample.ts";

/** How long each URL of a playlist has to hold, by its file's name. */
function lifetimesOf(text: string): Record<string, number> {
  const { targets } = compiled(text);
  return Object.fromEntries(targets.map(({ path, lifetime }) => [path.slice(path.lastIndexOf("/") + 1), lifetime]));
}

function segments(from: number, to: number, duration = 6): string[] {
  const lines: string[] = [];
  for (let i = from; i < to; i++) lines.push(`#EXTINF:${duration},`, `${i}.ts`);
  return lines;
}

describe("what will not change is loaded once: position, duration and the pause allowance", () => {
  test("VOD", () => {
    expect(lifetimesOf(media(...segments(0, 3), "#EXT-X-ENDLIST"))).toEqual({ "0.ts": 306, "1.ts": 312, "2.ts": 318 });
  });

  test("by EXT-X-PLAYLIST-TYPE alone, VOD and EVENT", () => {
    for (const type of ["VOD", "EVENT"])
      expect(lifetimesOf(media(`#EXT-X-PLAYLIST-TYPE:${type}`, ...segments(0, 2)))).toEqual({
        "0.ts": 306,
        "1.ts": 312,
      });
  });

  test("an I-frame playlist", () => {
    expect(lifetimesOf(media("#EXT-X-I-FRAMES-ONLY", ...segments(0, 2)))).toEqual({ "0.ts": 306, "1.ts": 312 });
  });

  test("a film of hours is signed for hours", () => {
    const last = lifetimesOf(media(...segments(0, 1200), "#EXT-X-ENDLIST"))["1199.ts"];
    expect(last).toBeCloseTo(1200 * 6 + 300);
  });

  test("a file that is used twice holds for its later use", () => {
    expect(lifetimesOf(media(...segments(0, 2), "#EXTINF:6,", "0.ts", "#EXT-X-ENDLIST"))["0.ts"]).toBe(318);
  });

  test("a segment without EXTINF counts as a target duration", () => {
    expect(lifetimesOf(media(...segments(0, 1), "1.ts", "#EXT-X-ENDLIST"))["1.ts"]).toBe(312);
  });
});

describe("live: the window and 3 target durations", () => {
  test("all segments alike", () => {
    expect(lifetimesOf(media(...segments(0, 3)))).toEqual({ "0.ts": 36, "1.ts": 36, "2.ts": 36 });
  });

  test("the window counts for 5 minutes at most", () => {
    expect(lifetimesOf(media(...segments(0, 100)))["0.ts"]).toBe(318);
  });

  test("what a delta update skips counts into the window, as does CAN-SKIP-UNTIL", () => {
    expect(lifetimesOf(media("#EXT-X-SKIP:SKIPPED-SEGMENTS=10", ...segments(10, 12)))["10.ts"]).toBe(72 + 18);
    const control = "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=36.0";
    expect(lifetimesOf(media(control, ...segments(0, 3)))["0.ts"]).toBe(36 + 18);
  });

  test("parts of the coming segment do not move the expiry one by one", () => {
    const at = (parts: number) => {
      const lines = Array.from({ length: parts }, (_, i) => `#EXT-X-PART:DURATION=1,URI="p${i}.mp4"`);
      const hint = `#EXT-X-PRELOAD-HINT:TYPE=PART,URI="p${parts}.mp4"`;
      return new Set(
        Object.values(lifetimesOf(media("#EXT-X-PART-INF:PART-TARGET=1", ...segments(0, 3), ...lines, hint))),
      );
    };
    for (const parts of [0, 1, 5, 6]) expect(at(parts)).toEqual(new Set([18 + 6 + 18]));
  });

  test("a template says whether the playlist will change", () => {
    expect(compiled(media(...segments(0, 3)))).toMatchObject({ kind: "media", live: true });
    expect(compiled(media("#EXT-X-PLAYLIST-TYPE:EVENT", ...segments(0, 1))).live).toBe(true);
    expect(compiled(media("#EXT-X-PLAYLIST-TYPE:VOD", ...segments(0, 1))).live).toBe(false);
    expect(compiled(media(...segments(0, 1), "#EXT-X-ENDLIST")).live).toBe(false);
    expect(compiled(multivariant())).toMatchObject({ kind: "multivariant", live: false });
  });
});

describe("KEY and MAP hold as long as the longest of what uses them", () => {
  const key = (name: string, more = "") => `#EXT-X-KEY:METHOD=AES-128,URI="${name}"${more}`;

  test("a key until the next one of its KEYFORMAT", () => {
    const text = media(key("a"), ...segments(0, 2), key("b"), ...segments(2, 5), "#EXT-X-ENDLIST");
    expect(lifetimesOf(text)).toMatchObject({ a: 312, "1.ts": 312, b: 330, "4.ts": 330 });
  });

  test("a key of another KEYFORMAT goes on beside it", () => {
    const text = media(key("a"), ...segments(0, 1), key("b", ',KEYFORMAT="x"'), ...segments(1, 3), "#EXT-X-ENDLIST");
    expect(lifetimesOf(text)).toMatchObject({ a: 318, b: 318 });
  });

  test("METHOD=NONE ends all keys", () => {
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

  test("a MAP until the next one, and one that comes back until its last use", () => {
    const [one, two] = ['#EXT-X-MAP:URI="a.mp4"', '#EXT-X-MAP:URI="b.mp4"'];
    const text = media(one, ...segments(0, 1), two, ...segments(1, 2), one, ...segments(2, 3), "#EXT-X-ENDLIST");
    expect(lifetimesOf(text)).toMatchObject({ "a.mp4": 318, "b.mp4": 312 });
  });

  test("a key of an EVENT that goes on holds for the parts of the coming segment too", () => {
    const type = "#EXT-X-PLAYLIST-TYPE:EVENT";
    const part = '#EXT-X-PART:DURATION=1,URI="p.mp4"';
    const going = lifetimesOf(media(type, key("a"), ...segments(0, 2), part));
    expect(going.a).toBe(going["p.mp4"]);
    expect(lifetimesOf(media(type, key("a"), part, ...segments(0, 2)))).toMatchObject({ a: 312, "1.ts": 312 });
  });

  test("live they hold as long as the segments", () => {
    expect(lifetimesOf(media(key("a"), '#EXT-X-MAP:URI="i.mp4"', ...segments(0, 3)))).toMatchObject({
      a: 36,
      "i.mp4": 36,
    });
  });

  test("and a MAP's URL stays the same for a day, where the playlist is going to change", () => {
    const map = '#EXT-X-MAP:URI="i.mp4"';
    const gridOf = (...lines: string[]) =>
      compiled(media(...lines)).targets.find(({ path }) => path.endsWith("i.mp4"))?.roundTo;
    expect(gridOf(map, ...segments(0, 3))).toBe(86_400);
    expect(gridOf("#EXT-X-PLAYLIST-TYPE:EVENT", map, ...segments(0, 3))).toBe(86_400);
    expect(gridOf(...segments(0, 3), '#EXT-X-PRELOAD-HINT:TYPE=MAP,URI="i.mp4"')).toBe(86_400);
    expect(gridOf(map, ...segments(0, 3), "#EXT-X-ENDLIST")).toBe(0);
    expect(gridOf("#EXT-X-PLAYLIST-TYPE:VOD", map, ...segments(0, 3))).toBe(0);
    // A file that holds segments as well ends with them.
    expect(gridOf(map, "#EXTINF:6,", "#EXT-X-BYTERANGE:9@9", "i.mp4")).toBe(0);
  });

  test("a SESSION-KEY and files that are opened at any time hold as long as a session", () => {
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

test("no duration, however broken, makes a lifetime that is no length of time", () => {
  for (const duration of ["1e300", "9".repeat(400), "-6", "NaN", "Infinity", "", " 6", "0", "0x10", "1.2.3"]) {
    const text = media("#EXTINF:6,", "0.ts", `#EXTINF:${duration},`, "1.ts", "#EXT-X-ENDLIST");
    for (const { lifetime } of compiled(text).targets) {
      expect(lifetime).toBeGreaterThan(0);
      expect(lifetime).toBeLessThanOrEqual(7 * 86_400);
    }
  }
});

test("the pause allowance is a setting", () => {
  const text = media(...segments(0, 1), "#EXT-X-ENDLIST");
  expect(compiled(text, { ...bucket, pauseAllowance: seconds(0) }).targets[0]?.lifetime).toBe(6);
});
