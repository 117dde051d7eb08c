import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { progressOf } from "../../../src/playlist/progress.ts";
import { compiled, media } from "./sample.ts";

const two = ["#EXTINF:4,", "a.m4s", "#EXTINF:5.5,", "b.m4s"];

describe("the progress of a playlist", () => {
  test("equals the compiled playlist's reloads for any text", () => {
    const line = fc.constantFrom(
      "#EXTINF:4,\n0.ts",
      "#EXTINF:6,\n1.ts",
      '#EXT-X-PART:DURATION=1,URI="p.m4s"',
      "#EXT-X-MEDIA-SEQUENCE:100",
      "#EXT-X-SKIP:SKIPPED-SEGMENTS=7",
      "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES",
      "#EXT-X-PART-INF:PART-TARGET=1",
      "#EXT-X-PLAYLIST-TYPE:EVENT",
      "#EXT-X-PLAYLIST-TYPE:VOD",
      "#EXT-X-ENDLIST",
      "# a comment",
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 12 }), (lines) => {
        const text = media(...lines);
        const { nextSegment, nextPart, canBlock, targetDuration, live } = progressOf(text);
        const template = compiled(text);
        expect({ nextSegment, nextPart, canBlock, targetDuration }).toEqual({
          nextSegment: template.reloads.nextSegment,
          nextPart: template.reloads.nextPart,
          canBlock: template.reloads.canBlock,
          targetDuration: template.reloads.targetDuration,
        });
        expect(live).toBe(template.live);
      }),
    );
  });

  test("has the period of the last segment's duration, or of a part's", () => {
    expect(progressOf(media(...two)).period).toBe(5.5);
    expect(progressOf(media(...two, "#EXTINF:600,", "c.m4s")).period).toBe(6);
    expect(progressOf(media("#EXT-X-PART-INF:PART-TARGET=0.33", ...two)).period).toBe(0.33);
  });

  test("of any text, however broken, has a finite period that is not zero", () => {
    for (const duration of ["1e300", "-6", "NaN", "Infinity", "", "0"]) {
      for (const text of [
        media(`#EXTINF:${duration},`, "a.ts"),
        `#EXTM3U\n#EXTINF:${duration},\na.ts\n`,
        "",
        "<html>",
      ]) {
        expect(progressOf(text).period).toBeGreaterThanOrEqual(0.2);
        expect(progressOf(text).period).toBeLessThanOrEqual(60);
      }
    }
  });
});
