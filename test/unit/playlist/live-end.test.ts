import { describe, expect, it } from "vitest";
import { liveEndOf } from "../../../src/playlist/live-end.ts";

const date = "2026-11-21T20:00:00.000Z";
const at = Date.parse(date);
const playlist = (...lines: readonly string[]) => ["#EXTM3U", "#EXT-X-TARGETDURATION:6", ...lines, ""].join("\n");

describe("the end of a live playlist", () => {
  it.each([
    [
      "after a date and the segments that follow",
      [`#EXT-X-PROGRAM-DATE-TIME:${date}`, "#EXTINF:6,", "0.ts", "#EXTINF:4.5,", "1.ts"],
      10.5,
    ],
    [
      "with the date after the duration",
      ["#EXTINF:6,", "0.ts", "#EXTINF:4,", `#EXT-X-PROGRAM-DATE-TIME:${date}`, "1.ts"],
      4,
    ],
    [
      "by the last date",
      [
        "#EXT-X-PROGRAM-DATE-TIME:2020-01-01T00:00:00Z",
        "#EXTINF:6,",
        "0.ts",
        `#EXT-X-PROGRAM-DATE-TIME:${date}`,
        "#EXTINF:6,",
        "1.ts",
      ],
      6,
    ],
    [
      "with the parts of an incomplete segment, and not those of complete ones",
      [
        ...[
          `#EXT-X-PROGRAM-DATE-TIME:${date}`,
          '#EXT-X-PART:DURATION=2,URI="0.0.m4s"',
          '#EXT-X-PART:DURATION=2,URI="0.1.m4s"',
        ],
        ...["#EXTINF:4,", "0.m4s", '#EXT-X-PART:DURATION=1.5,URI="1.0.m4s"'],
      ],
      5.5,
    ],
    ["in another time zone", ["#EXT-X-PROGRAM-DATE-TIME:2026-11-21T21:00:00.000+01:00", "#EXTINF:6,", "0.ts"], 6],
  ])("is known %s", (_, lines, length) => {
    expect(liveEndOf(playlist(...lines))).toBe(at + 1000 * length);
  });

  it.each([
    ["a date", ["#EXTINF:6,", "0.ts"]],
    ["a readable date", ["#EXT-X-PROGRAM-DATE-TIME:yesterday", "#EXTINF:6,", "0.ts"]],
    ["segments", []],
  ])("is unknown without %s", (_, lines) => {
    expect(liveEndOf(playlist(...lines))).toBeUndefined();
  });
});
