import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { boxesIn } from "../../../fixtures/live/boxes.ts";
import { fragmentsOf, shifted, startOf, timescalesOf, trackTimes } from "../../../fixtures/live/fragment.ts";
import { box, fragment, initSegment, ticks, u32 } from "./synthetic-film.ts";

const view = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

describe("boxesIn", () => {
  it("finds adjacent boxes", () => {
    const bytes = Uint8Array.from([...box("moof", [1, 2, 3]), ...box("mdat")]);
    expect(boxesIn(view(bytes))).toEqual([
      { type: "moof", start: 0, body: 8, end: 11 },
      { type: "mdat", start: 11, body: 19, end: 19 },
    ]);
  });

  it.each([
    ["a size beyond the end", [...u32(9), 109, 111, 111, 102]],
    ["a size that is less than its own header", [...u32(7), 109, 111, 111, 102]],
    ["a size of 0, which means the rest", [...u32(0), 109, 111, 111, 102]],
    ["a size of 64 bits", [...u32(1), 109, 111, 111, 102, ...u32(0), ...u32(16)]],
    ["less than a header", [0, 0, 0, 8, 109]],
  ])("refuses %s", (_, bytes) => {
    expect(() => boxesIn(view(Uint8Array.from(bytes)))).toThrow(RangeError);
  });

  it("refuses too many boxes", () => {
    const many = Uint8Array.from(Array.from({ length: 5000 }, () => [...box("free")]).flat());
    expect(() => boxesIn(view(many))).toThrow("too many");
  });

  it("either finds boxes that fill the bytes exactly or refuses the bytes", () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.tuple(fc.nat(20), fc.nat(255)).map(([at, value]) => fragment(3, 1).with(at, value)),
    );
    fc.assert(
      fc.property(bytes, (any) => {
        try {
          const boxes = boxesIn(view(any));
          expect(boxes.reduce((end, { start, end: next }) => (start === end ? next : -1), 0)).toBe(any.length);
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
        }
      }),
    );
  });
});

describe("a fragment that is shifted in time", () => {
  const timescales = timescalesOf(initSegment());

  it("is based on the timescale of each track", () => {
    expect([...timescales]).toEqual([
      [1, ticks.video],
      [2, ticks.audio],
    ]);
  });

  it("starts later by the same time in each track's own ticks, beyond 32 bits too", () => {
    fc.assert(
      fc.property(fc.nat(48), fc.nat(80_000_000), fc.nat(2 ** 33), (half, loops, sequence) => {
        const moved = shifted(fragment(half / 2, 0), loops * 24, sequence, timescales);
        const start = half / 2 + loops * 24;
        expect(trackTimes(view(moved)).map(({ track, time }) => [track, time])).toEqual([
          [1, BigInt(start * ticks.video)],
          [2, BigInt(start * ticks.audio)],
        ]);
        expect(startOf(moved, timescales)).toBe(start);
        expect(view(moved).getUint32(20)).toBe(sequence % 2 ** 32);
      }),
    );
  });

  it("keeps its length and every other byte, and does not change the source film", () => {
    const before = fragment(1.5, 7);
    const moved = shifted(before, 24, 4000, timescales);
    expect(before).toEqual(fragment(1.5, 7));
    expect(shifted(moved, -24, 8, timescales)).toEqual(before);
  });

  it("is refused if a tick would be cut or if its time has no room", () => {
    expect(() => shifted(fragment(0, 0), 1 / 3, 1, timescales)).toThrow(RangeError);
    expect(() => shifted(fragment(0, 0, 0), 24, 1, timescales)).toThrow("32 bits");
    expect(() => shifted(fragment(0, 0), 24, 1, new Map([[1, 1000]]))).toThrow("track 2");
  });

  it("is read from a segment that contains fragments only", () => {
    const two = Uint8Array.from([...fragment(0, 0), ...fragment(0.5, 1)]);
    expect(fragmentsOf(two)).toEqual([fragment(0, 0), fragment(0.5, 1)]);
    expect(() => fragmentsOf(two.subarray(0, two.length - 12))).toThrow(RangeError);
    expect(() => fragmentsOf(Uint8Array.from([...box("mdat"), ...box("moof")]))).toThrow(RangeError);
  });
});
