import { describe, expect, it } from "vitest";
import { seconds, after as timeAfter } from "../../../src/base/time.ts";
import { now } from "../signing/session.ts";
import { playlistStage } from "./playlist-stage.ts";

const ladder = `#EXTM3U
#EXT-X-STREAM-INF:BANDWIDTH=800000,RESOLUTION=640x360
360p.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=6000000,RESOLUTION=1920x1080
1080p.m3u8
`;
const film = (...reports: readonly string[]) =>
  ["#EXTM3U", "#EXT-X-TARGETDURATION:6", "#EXTINF:6,", "0.ts", ...reports, "#EXT-X-ENDLIST", ""].join("\n");
const report = (uri: string) => `#EXT-X-RENDITION-REPORT:URI="${uri}",LAST-MSN=0`;
const files = {
  "film/index.m3u8": ladder,
  "film/360p.m3u8": film(report("360p.m3u8"), report("1080p.m3u8")),
  "film/1080p.m3u8": film(),
};

const ann = { name: "ann" };
const capped = { name: "bob", qualityClass: "h720" };

describe("a viewer whose quality is capped", () => {
  it("gets the variants of their class, with the class in every signature", async () => {
    const { text } = await playlistStage(files);
    expect(await text(ann, "index.m3u8")).toContain("1080p.m3u8");
    const own = await text(capped, "index.m3u8");
    expect([own.includes("360p.m3u8?list="), own.includes("1080p")]).toEqual([true, false]);
    const [anns, bobs] = [await text(ann, "360p.m3u8"), await text(capped, "360p.m3u8")];
    const segmentOf = (playlist: string) => /0\.ts\?seg=\S+/.exec(playlist)?.[0];
    expect(segmentOf(anns)).not.toBe(segmentOf(bobs));
    expect([anns.includes("1080p"), bobs.includes("1080p"), bobs.includes("360p.m3u8?list=")]).toEqual([
      true,
      false,
      true,
    ]);
  });

  it("is refused the playlist of a variant above the cap, even with a signed URL", async () => {
    const { load } = await playlistStage(files);
    expect(await load(capped, "1080p.m3u8")).toMatchObject({ ok: false, refusal: { code: "quality_unavailable" } });
    expect(await load(ann, "1080p.m3u8")).toMatchObject({ ok: true });
  });

  it("is refused it also if another line of the multivariant playlist names it", async () => {
    const frames = '#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=9,RESOLUTION=9x9,URI="1080p.m3u8"\n';
    const { load, text } = await playlistStage({ ...files, "film/index.m3u8": ladder + frames });
    expect(await text(capped, "index.m3u8")).toContain('URI="1080p.m3u8?list=');
    expect(await load(capped, "1080p.m3u8")).toMatchObject({ ok: false, refusal: { code: "quality_unavailable" } });
  });

  it("shares the renderings of their class, from one request to the origin per playlist", async () => {
    const { text, requests, shelf } = await playlistStage(files);
    await text(capped, "index.m3u8");
    await text({ ...capped, name: "eve" }, "index.m3u8");
    await text(ann, "index.m3u8");
    expect(requests.map(({ path }) => path)).toEqual(["index.m3u8"]);
    await text(capped, "360p.m3u8");
    await text({ ...capped, name: "eve" }, "360p.m3u8");
    expect(requests.map(({ path }) => path)).toEqual(["index.m3u8", "360p.m3u8"]);
    expect(shelf).toBeDefined();
  });

  it.each([
    ["nothing is within the cap", { ...capped, qualityClass: "h240" }, files],
    ["the entry is a media playlist", capped, { "film/index.m3u8": film() }],
  ])("is refused if %s", async (_, viewer, own) => {
    const { load } = await playlistStage(own);
    expect(await load(viewer, "index.m3u8")).toMatchObject({ ok: false, refusal: { code: "quality_unavailable" } });
  });

  it("plays on while the origin of the multivariant playlist fails", async () => {
    const { text, state, put } = await playlistStage(files);
    await text(capped, "index.m3u8");
    put("film/index.m3u8", "broken");
    state.now = timeAfter(now, seconds(3_600));
    expect(await text({ ...capped }, "360p.m3u8")).toContain("0.ts?seg=");
  });
});
