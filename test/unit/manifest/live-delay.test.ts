import { describe, expect, it } from "vitest";
import { rfc3339, seconds, after as timeAfter, type UnixSeconds } from "../../../src/base/time.ts";
import { now } from "../signing/session.ts";
import { playlistStage } from "./playlist-stage.ts";

const ann = { name: "ann" };
const path = "low/index.m3u8";

/** A live playlist of one segment of 6 s, which starts at this time. */
function live(start: UnixSeconds, name = "0"): string {
  const date = `#EXT-X-PROGRAM-DATE-TIME:${rfc3339(start)}`;
  return `#EXTM3U\n#EXT-X-TARGETDURATION:6\n${date}\n#EXTINF:6,\n${name}.ts\n`;
}

const ago = (length: number) => timeAfter(now, seconds(-length));

describe("the delay of a live playlist", () => {
  it("is reported once for each version, whatever the number of viewers", async () => {
    const { put, text, state, delays } = await playlistStage({ [`film/${path}`]: live(ago(10)) });
    for (const name of ["ann", "ben", "cal"]) await text({ name }, path);
    expect(delays).toEqual([4_000]);
    put(`film/${path}`, live(ago(4), "1"));
    state.now = timeAfter(now, seconds(10));
    await text(ann, path);
    expect(delays).toEqual([4_000, 8_000]);
  });

  it.each([
    ["is not that of a playlist that has ended", `${live(ago(10))}#EXT-X-ENDLIST\n`, []],
    ["is unknown without a date", live(ago(10)).replace(/#EXT-X-PROGRAM.*\n/, ""), []],
    ["is unknown if the dates do not follow the clock", live(ago(9_000)), []],
    ["is never negative", live(ago(2)), [0]],
  ])("%s", async (_, playlist, expected) => {
    const { text, delays } = await playlistStage({ [`film/${path}`]: playlist });
    await text(ann, path);
    expect(delays).toEqual(expected);
  });
});
