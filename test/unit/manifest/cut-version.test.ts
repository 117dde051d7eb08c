import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cutFault } from "../../../src/manifest/current-version.ts";
import { progressOf } from "../../../src/playlist/progress.ts";

const versionOf = (text: string) => ({ text, progress: progressOf(text) });
const fault = (text: string, before: string) => cutFault(versionOf(text), versionOf(before));

/** A window of a live stream: segments from `first` to `last`, and parts of the next one. */
function window(first: number, last: number, { parts = 0, end = "" } = {}): string {
  const segments = Array.from({ length: last - first + 1 }, (_, i) => `#EXTINF:6,\n${first + i}.ts\n`);
  const next = Array.from({ length: parts }, (_, i) => `#EXT-X-PART:DURATION=1,URI="${last + 1}.${i}.m4s"\n`);
  const head = `#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXT-X-MEDIA-SEQUENCE:${first}\n`;
  return head + segments.join("") + next.join("") + end;
}
const end = "#EXT-X-ENDLIST\n";
const before = window(100, 105, { parts: 2 });

describe("a version of a live playlist", () => {
  it.each([
    ["in the middle of its last line", window(101, 106).slice(0, -2)],
    ["in the middle of its header", "#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXT-X-MEDIA-SEQ"],
    ["after #EXTM3U", "#EXTM3U\n"],
    ["in the middle of #EXTM3U's line", "#EXTM3U"],
    ["before its first segment", window(101, 100)],
    ["after an EXTINF", `${window(101, 105)}#EXTINF:6,\n`],
    ["between two segments", window(101, 103)],
    ["between two parts", window(100, 105, { parts: 1 })],
    ["before its parts", window(101, 105)],
  ])("is cut if it stops %s", (_, text) => {
    expect(fault(text, before)).toBeTypeOf("string");
  });

  it.each([
    ["one with another segment", window(101, 106), before],
    ["one with another part", window(100, 105, { parts: 3 }), before],
    ["one whose parts became a segment", window(101, 106), window(100, 105, { parts: 5 })],
    ["the same version", before, before],
    ["one without a line end, as always", window(101, 106).trimEnd(), before.trimEnd()],
    ["one with a line end after one without", window(101, 106), before.trimEnd()],
    ["an encoder that restarted", window(0, 0), before],
    ["an encoder that restarted and has nothing yet, but had a segment before", window(0, 2), window(100, 99)],
    ["a stream that ended", window(100, 105, { end }), before],
    ["a stream that ended with a shorter window", window(105, 105, { end }), before],
    ["a stream that ended without a line end", window(100, 105, { end }).trimEnd(), before],
    ["an EXTINF ahead of its segment, as always", `${window(101, 106)}#EXTINF:6,\n`, `${before}#EXTINF:6,\n`],
    ["one after an empty one", window(100, 99), window(99, 98)],
    ["one after the end of the stream", window(0, 1), window(100, 105, { end })],
    ["a delta update that goes on", delta(101, 4, 106), delta(100, 4, 105)],
  ])("is not cut: %s", (_, text, last) => {
    expect(fault(text, last)).toBeUndefined();
  });

  it("is cut wherever a half-written file ends, except where no segment is missing", () => {
    const next = window(101, 106);
    const whole = progressOf(next);
    fc.assert(
      fc.property(fc.nat({ max: next.length }), (length) => {
        const text = next.slice(0, length);
        const { nextSegment } = progressOf(text);
        if (nextSegment < whole.nextSegment - 1 || !text.endsWith("\n")) {
          if (length < next.length) expect(fault(text, before)).toBeTypeOf("string");
        }
      }),
    );
  });

  it("is cut if it is a cut delta update", () => {
    expect(fault(delta(101, 4, 105), delta(100, 4, 106))).toBeTypeOf("string");
  });
});

/** A delta update up to `last`, without the `skipped` segments from `first` on. */
function delta(first: number, skipped: number, last: number): string {
  const [head = "", rest = ""] = window(first, last).split(`${first + skipped - 1}.ts\n`);
  return `${head.split("#EXTINF")[0]}#EXT-X-SKIP:SKIPPED-SEGMENTS=${skipped}\n${rest}`;
}
