import { describe, expect, it } from "vitest";
import { readChannels } from "../../../cli/local/live-origin.ts";
import { boxesIn, childOf, childrenOf } from "../../../fixtures/live/boxes.ts";
import { lengthOf, partOf, segmentOf } from "../../../fixtures/live/film.ts";
import { trackTimes } from "../../../fixtures/live/fragment.ts";

const view = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const films = [...readChannels()].flatMap(([name, { films }]) =>
  [...films].map(([rendition, film]) => [`${name}/${rendition}`, film] as const),
);

/** A fragment's sequence number from moof/mfhd. */
function sequenceOf(fragment: Uint8Array): number {
  const bytes = view(fragment);
  const [moof] = boxesIn(bytes);
  if (moof === undefined) throw new Error("an empty fragment");
  return bytes.getUint32(childOf(bytes, moof, "mfhd").body + 4);
}

/** The begin and length of each track of a fragment in ticks, from tfhd's default duration and trun's count. */
function runsOf(fragment: Uint8Array): { begin: bigint; length: bigint }[] {
  const bytes = view(fragment);
  const [moof] = boxesIn(bytes);
  if (moof === undefined) throw new Error("an empty fragment");
  const times = trackTimes(bytes);
  return childrenOf(bytes, moof, "traf").map((traf, i) => {
    const duration = bytes.getUint32(childOf(bytes, traf, "tfhd").body + 8);
    const count = bytes.getUint32(childOf(bytes, traf, "trun").body + 4);
    return { begin: times[i]?.time ?? -1n, length: BigInt(duration * count) };
  });
}

/** The type of the first H.264 picture: 5 is an independent picture (IDR), 1 is not. */
function firstUnit(fragment: Uint8Array): number {
  const mdat = boxesIn(view(fragment))[1];
  if (mdat === undefined) throw new Error("a fragment without mdat");
  // An access unit delimiter, parameter sets and SEI may come first.
  for (let at = mdat.body; at < mdat.end; at += 4 + view(fragment).getUint32(at)) {
    const type = view(fragment).getUint8(at + 4) & 0x1f;
    if (type === 1 || type === 5) return type;
  }
  throw new Error("no picture");
}

describe("the films of the live streams", () => {
  it("have two renditions each", () => {
    expect(films.map(([name]) => name)).toEqual(
      ["live", "live-dvr", "live-event", "live-ll"].flatMap((name) => [`${name}/180p`, `${name}/360p`]),
    );
  });

  it.each(films)("continue without a gap, even across the end of the film: %s", (_, film) => {
    const { segments, timing } = film;
    expect(lengthOf(film)).toBe(24_000);
    const first = segments.length * 70_000_000 - 2;
    let sequence = first * timing.parts + 1;
    let before: ReturnType<typeof runsOf> | undefined;
    for (let segment = first; segment < first + segments.length + 4; segment++) {
      for (let part = 0; part < timing.parts; part++) {
        const fragment = partOf(film, segment, part) ?? new Uint8Array();
        const runs = runsOf(fragment);
        expect(runs).toHaveLength(2);
        if (before !== undefined)
          expect(runs.map(({ begin }) => begin)).toEqual(before.map(({ begin, length }) => begin + length));
        before = runs;
        expect(sequenceOf(fragment)).toBe(sequence++);
      }
    }
  });

  it.each(films)("have an independent picture exactly at the beginning of each segment: %s", (_, film) => {
    for (const fragments of film.segments)
      expect(fragments.map(firstUnit)).toEqual(fragments.map((_, part) => (part === 0 ? 5 : 1)));
  });

  it.each(films)("have segments of the film's own length in bytes: %s", (_, film) => {
    film.segments.forEach((fragments, i) => {
      const size = fragments.reduce((sum, { length }) => sum + length, 0);
      expect(segmentOf(film, i + film.segments.length * 1000)).toHaveLength(size);
    });
  });
});
