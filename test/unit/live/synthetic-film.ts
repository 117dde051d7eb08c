import { type Film, readFilm } from "../../../fixtures/live/film.ts";
import { type UnixMilliseconds, unixMilliseconds } from "../../../src/base/time.ts";

/** A box of a type with this body. */
export function box(type: string, ...body: readonly (Uint8Array | readonly number[])[]): Uint8Array {
  const content = body.flatMap((part) => [...part]);
  return Uint8Array.from([...u32(content.length + 8), ...new TextEncoder().encode(type), ...content]);
}

export function u32(value: number): number[] {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256);
}

function u64(value: number): number[] {
  return [...u32(Math.floor(value / 2 ** 32)), ...u32(value)];
}

/** The timescales of the two tracks. Neither divides the other, as with real video and audio. */
export const ticks = { video: 12_288, audio: 32_000 };

export function initSegment(): Uint8Array {
  const track = (id: number, timescale: number) =>
    box(
      "trak",
      box("tkhd", u32(0), u32(0), u32(0), u32(id), u32(0), u32(0)),
      box("mdia", box("mdhd", u32(0), u32(0), u32(0), u32(timescale), u32(0), u32(0))),
    );
  const moov = box("moov", track(1, ticks.video), track(2, ticks.audio));
  return Uint8Array.from([...box("ftyp", u32(0)), ...moov]);
}

/** A fragment that starts at `start` seconds and contains the number of its part, to tell fragments apart. */
export function fragment(start: number, number: number, version = 1): Uint8Array {
  const traf = (id: number, timescale: number) =>
    box("traf", box("tfhd", u32(0), u32(id)), box("tfdt", [version, 0, 0, 0], u64(start * timescale)));
  const moof = box("moof", box("mfhd", u32(0), u32(number + 1)), traf(1, ticks.video), traf(2, ticks.audio));
  return Uint8Array.from([...moof, ...box("mdat", u32(number))]);
}

/** 12 segments of 2 s, each of 4 fragments: the shape of the fixture `vod-parts`. */
export function syntheticFilm(): Film {
  const init = initSegment();
  const segments = Array.from({ length: 12 }, (_, segment) =>
    [0, 1, 2, 3].flatMap((part) => [...fragment(segment * 2 + part / 2, segment * 4 + part)]),
  );
  let at = init.length;
  const lines = [`#EXT-X-MAP:URI="film.mp4",BYTERANGE="${init.length}@0"`];
  for (const { length } of segments) {
    lines.push("#EXTINF:2.000000,", `#EXT-X-BYTERANGE:${length}@${at}`, "film.mp4");
    at += length;
  }
  return readFilm(lines.join("\n"), Uint8Array.from([...init, ...segments.flat()]));
}

/** An afternoon in 2026, at the start of a segment of both 2 s and 4 s. */
export const afternoon = unixMilliseconds(Date.UTC(2026, 6, 1, 14, 20));

export function later(milliseconds: number): UnixMilliseconds {
  return unixMilliseconds(afternoon + milliseconds);
}
