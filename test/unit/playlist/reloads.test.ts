import { describe, expect, test } from "vitest";
import { compiled, media, multivariant } from "./sample.ts";

const reloadsOf = (...lines: string[]) => compiled(media(...lines)).reloads;
const two = ["#EXTINF:4,", "a.m4s", "#EXTINF:4,", "b.m4s"];
const part = (name: string) => `#EXT-X-PART:DURATION=1,URI="${name}"`;

describe("a template", () => {
  test("allows blocking reloads and delta updates only if EXT-X-SERVER-CONTROL offers them", () => {
    expect(reloadsOf(...two)).toMatchObject({ canBlock: false, canSkip: false });
    const control = (list: string) => reloadsOf(`#EXT-X-SERVER-CONTROL:${list}`, ...two);
    expect(control("CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=3")).toMatchObject({ canBlock: true, canSkip: false });
    expect(control("CAN-SKIP-UNTIL=24.0")).toMatchObject({ canBlock: false, canSkip: true });
    expect(control("CAN-BLOCK-RELOAD=NO")).toMatchObject({ canBlock: false });
    expect(control('PART-HOLD-BACK=3,X-NOTE="CAN-BLOCK-RELOAD=YES"')).toMatchObject({ canBlock: false });
    expect(compiled(multivariant()).reloads).toMatchObject({ canBlock: false, canSkip: false });
  });

  test("counts the next segment from 0 or EXT-X-MEDIA-SEQUENCE, with the segments that a delta update skips", () => {
    expect(reloadsOf(...two).nextSegment).toBe(2);
    expect(reloadsOf("#EXT-X-MEDIA-SEQUENCE:100", ...two).nextSegment).toBe(102);
    expect(reloadsOf("#EXT-X-MEDIA-SEQUENCE:100", "#EXT-X-SKIP:SKIPPED-SEGMENTS=7", ...two).nextSegment).toBe(109);
    expect(reloadsOf("#EXT-X-MEDIA-SEQUENCE:1e9", ...two).nextSegment).toBe(2);
  });

  test("counts the parts of the next segment, and not those of the segments before it", () => {
    expect(reloadsOf(part("a.0"), part("a.1"), ...two).nextPart).toBe(0);
    expect(reloadsOf(part("a.0"), ...two, part("c.0"), part("c.1")).nextPart).toBe(2);
  });
});
