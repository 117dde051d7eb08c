import { describe, expect, it } from "vitest";
import { ok } from "../../../src/base/result.ts";
import { seconds, after as timeAfter } from "../../../src/base/time.ts";
import { now } from "../signing/session.ts";
import { playlistStage } from "./playlist-stage.ts";
import { live, shareStage, unwrap } from "./share-stage.ts";

const ann = { name: "ann" };
const path = "live/index.m3u8";
const segments = "#EXTINF:4,\n0.ts\n#EXTINF:4,\n../init/1.ts\n#EXTINF:4,\n?n=2\n#EXTINF:4,\n/film/abs/3.ts\n";
const text = `#EXTM3U\n#EXT-X-TARGETDURATION:4\n${segments}`;

/** The origin's response after a redirect to `location`: a 304 if `body` is null. */
const from = (location: string | undefined, body: string | null = text) =>
  ok(
    new Response(body, {
      status: body === null ? 304 : 200,
      headers: { ETag: '"1"', ...(location !== undefined && { "Content-Location": location }) },
    }),
  );

/** The paths of a playlist's URIs below the asset, as a player resolves them, without their signatures. */
const pathsIn = (playlist: string) =>
  playlist
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => {
      const url = new URL(line, `https://media.example/GRANT/film/${path}`);
      url.searchParams.delete("seg");
      return `${url.pathname.replace("/GRANT/film/", "")}${url.search}`;
    });

describe("the URIs of a redirected playlist", () => {
  it.each([
    [undefined, ["live/0.ts", "init/1.ts", "live/index.m3u8?n=2", "abs/3.ts"]],
    ["live/v2/now.m3u8", ["live/v2/0.ts", "live/init/1.ts", "live/v2/now.m3u8?n=2", "abs/3.ts"]],
    ["x/now.m3u8?sid=1", ["x/0.ts", "init/1.ts", "x/now.m3u8?n=2", "abs/3.ts"]],
    ["other/deep/now.m3u8", ["other/deep/0.ts", "other/init/1.ts", "other/deep/now.m3u8?n=2", "abs/3.ts"]],
  ])("resolve against %s", async (location, paths) => {
    const stage = await playlistStage({});
    stage.state.respond = async () => from(location);
    expect(pathsIn(await stage.text(ann, path))).toEqual(paths);
    expect(stage.requests[0]?.locates).toBe(true);
  });

  it("stay below the asset's prefix", async () => {
    const stage = await playlistStage({});
    // Relative to the playlist's own folder, this reference is inside the asset.
    expect(text).toContain("../init/1.ts");
    stage.state.respond = async () => from("now.m3u8");
    expect(await stage.load(ann, path)).toMatchObject({ ok: false, refusal: { code: "uri_foreign" } });
  });

  it("follow a redirect that changes between two polls while the text stays the same", async () => {
    const stage = await playlistStage({});
    for (const [poll, location, body] of [
      [0, "a/now.m3u8", text],
      [2, "b/now.m3u8", text],
      [4, "c/now.m3u8", null],
      [6, undefined, null],
    ] as const) {
      stage.state.now = timeAfter(now, seconds(poll));
      stage.state.respond = async () => from(location, body);
      const folder = location?.split("/")[0] ?? "live";
      expect(pathsIn(await stage.text(ann, path))[0]).toBe(`${folder}/0.ts`);
      // Viewers who come while it is fresh get the same.
      expect(pathsIn(await stage.text({ name: "bob" }, path))[0]).toBe(`${folder}/0.ts`);
    }
    expect(stage.requests).toHaveLength(4);
  });

  it("resolve QUERYPARAM from the URL that the redirect led to", async () => {
    const define = '#EXT-X-DEFINE:QUERYPARAM="sid"\n#EXTINF:4,\n{$sid}/0.ts\n';
    const stage = await playlistStage({});
    stage.state.respond = async () => from("now.m3u8?sid=s7", `#EXTM3U\n#EXT-X-TARGETDURATION:4\n${define}`);
    expect(pathsIn(await stage.text(ann, path))).toEqual(["s7/0.ts"]);
  });
});

describe("a shared playlist", () => {
  it("reports with each poll where its origin redirected to", async () => {
    const stage = shareStage(async (_, at) => {
      if (at > 9000) return from("c/now.m3u8", null);
      return from(at === 0 ? "a/now.m3u8" : "b/now.m3u8", live(10));
    });
    const locations = [unwrap(await stage.load()).location];
    for (let i = 0; i < 2; i++) {
      await stage.pass(5000);
      locations.push(unwrap(await stage.load()).location);
    }
    expect(locations).toEqual(["a/now.m3u8", "b/now.m3u8", "c/now.m3u8"]);
    expect(unwrap(await stage.load()).text).toBe(live(10));
  });
});
