import { describe, expect, it } from "vitest";
import { ok } from "../../../src/base/result.ts";
import { seconds, after as timeAfter } from "../../../src/base/time.ts";
import { playlistStage, textOf } from "../manifest/playlist-stage.ts";
import { now } from "../signing/session.ts";

const ann = { name: "ann" };
const path = "low/index.m3u8";

/** A live playlist up to segment `last` and the first parts of the next one. */
const live = (last: number, { parts = 0, control = "CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=24", more = "" } = {}) =>
  [
    "#EXTM3U",
    "#EXT-X-TARGETDURATION:4",
    `#EXT-X-SERVER-CONTROL:${control}`,
    `#EXT-X-MEDIA-SEQUENCE:${last}`,
    "#EXTINF:4,",
    `${last}.m4s`,
    ...Array.from({ length: parts }, (_, i) => `#EXT-X-PART:DURATION=1,URI="${last + 1}.${i}.m4s"`),
    `${more}\n`,
  ].join("\n");

/** An origin that responds to every query with `text`. */
async function stageOf(text: string) {
  const stage = await playlistStage({});
  stage.state.respond = async () => ok(new Response(text));
  return stage;
}

/** The queries of one request's calls to the origin, without the call for the plain playlist. */
async function queriesFor(text: string, appended: string, query = "") {
  const stage = await stageOf(text);
  await stage.text(ann, path, { appended, query });
  return stage.requests.map((request) => request.query).slice(1);
}

describe("delivery directives", () => {
  it.each([
    ["&_HLS_msn=11&_HLS_part=3", ["_HLS_msn=11&_HLS_part=3"]],
    ["&_HLS_skip=YES&CMCD=x&_HLS_msn=12", ["_HLS_msn=12&_HLS_skip=YES"]],
    ["&_HLS_skip=v2", ["_HLS_skip=v2"]],
    ["&_HLS_msn=11&_HLS_msn=12", ["_HLS_msn=11"]],
    ["&_HLS_msn=011", ["_HLS_msn=11"]],
    ["&_HLS_part=1", []],
    ["&_HLS_msn=1e3&_HLS_part=-1&_HLS_skip=please&evil=1", []],
  ])("are passed on to the origin only if they are valid: %s", async (appended, queries) => {
    expect(await queriesFor(live(10), appended)).toEqual(queries);
  });

  it("come after the origin's own query", async () => {
    expect(await queriesFor(live(10), "&_HLS_msn=11", "v=2")).toEqual(["v=2&_HLS_msn=11"]);
  });

  it.each([
    ["that cannot block", live(10, { control: "CAN-SKIP-UNTIL=24" }), ["_HLS_skip=YES"]],
    ["that has no delta updates", live(10, { control: "CAN-BLOCK-RELOAD=YES" }), ["_HLS_msn=11"]],
    ["that says neither", live(10).replace(/#EXT-X-SERVER.*\n/, ""), []],
    ["that has ended", live(10, { more: "#EXT-X-ENDLIST" }), ["_HLS_skip=YES"]],
    ["that is a multivariant one", "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nlow.m3u8\n", []],
  ])("are passed on only if the playlist offers them: one %s", async (_, text, queries) => {
    expect(await queriesFor(text, "&_HLS_msn=11&_HLS_skip=YES")).toEqual(queries);
  });

  it.each([
    ["&_HLS_msn=0", []],
    ["&_HLS_msn=10", []],
    ["&_HLS_msn=11&_HLS_part=1", []],
    ["&_HLS_msn=11&_HLS_part=2", ["_HLS_msn=11&_HLS_part=2"]],
    ["&_HLS_msn=11", ["_HLS_msn=11"]],
    ["&_HLS_msn=13", ["_HLS_msn=13"]],
    ["&_HLS_msn=14", []],
    ["&_HLS_msn=999999999999999", []],
    ["&_HLS_msn=11&_HLS_part=999999", []],
  ])("are passed on only for a position that the playlist is about to have: %s", async (appended, queries) => {
    expect(await queriesFor(live(10, { parts: 2 }), appended)).toEqual(queries);
  });
});

describe("made-up directives", () => {
  it("cause no work for the origin", async () => {
    const stage = await stageOf(live(10));
    for (let i = 0; i < 200; i++) await stage.text(ann, path, { appended: `&_HLS_msn=${i}&_HLS_part=${i * 7}` });
    expect(stage.requests.length).toBeLessThan(10);
  });
});

describe("a request with directives", () => {
  it("is passed on by the last version, without a request for the plain playlist each time", async () => {
    const stage = await stageOf(live(10));
    await stage.text(ann, path);
    stage.state.now = timeAfter(now, seconds(7));
    stage.state.respond = async () => ok(new Response(live(12)));
    await stage.text(ann, path, { appended: "&_HLS_msn=12" });
    expect(stage.requests.map((request) => request.query)).toEqual(["", "_HLS_msn=12"]);
  });

  it("that is ahead of the last version is passed on after a plain request", async () => {
    const stage = await stageOf(live(10));
    await stage.text(ann, path);
    stage.state.now = timeAfter(now, seconds(60));
    stage.state.respond = async () => ok(new Response(live(25)));
    await stage.text(ann, path, { appended: "&_HLS_msn=26" });
    expect(stage.requests.map((request) => request.query)).toEqual(["", "", "_HLS_msn=26"]);
  });

  it("for a delta update that is ahead of the last version waits too", async () => {
    const stage = await stageOf(live(10));
    await stage.text(ann, path);
    stage.state.now = timeAfter(now, seconds(60));
    stage.state.respond = async ({ query }) => ok(new Response(live(query.includes("_HLS_msn=26") ? 26 : 25)));
    const delta = await stage.text(ann, path, { appended: "&_HLS_msn=26&_HLS_skip=YES" });
    expect(delta).toContain("\n26.m4s?seg=");
    expect(stage.requests.map(({ query }) => query)).toEqual(["", "_HLS_skip=YES", "_HLS_msn=26&_HLS_skip=YES"]);
  });

  it("for a delta update that the origin has by now costs one request", async () => {
    const stage = await stageOf(live(10));
    await stage.text(ann, path);
    stage.state.now = timeAfter(now, seconds(60));
    stage.state.respond = async () => ok(new Response(live(25)));
    for (const segment of [25, 99]) {
      const appended = `&_HLS_msn=${segment}&_HLS_skip=YES`;
      expect(await stage.text(ann, path, { appended })).toContain("\n25.m4s?seg=");
    }
    expect(stage.requests.map(({ query }) => query)).toEqual(["", "_HLS_skip=YES"]);
  });

  it("never gets a cached version without the segment that it asked for", async () => {
    const stage = await stageOf(live(10));
    await stage.text(ann, path);
    // The origin stopped waiting and sent the version that it had.
    await stage.text(ann, path, { appended: "&_HLS_msn=11" });
    stage.state.respond = async () => ok(new Response(live(11)));
    expect(await stage.text(ann, path, { appended: "&_HLS_msn=11" })).toContain("\n11.m4s?seg=");
  });

  it("gets no cached delta update without that segment either", async () => {
    const stage = await stageOf(live(10));
    await stage.text(ann, path, { appended: "&_HLS_skip=YES" });
    stage.state.now = timeAfter(now, seconds(1));
    stage.state.respond = async () => ok(new Response(live(11)));
    await stage.text(ann, path);
    const { promise, resolve } = Promise.withResolvers<void>();
    stage.state.respond = async () => {
      await promise;
      return ok(new Response(live(11)));
    };
    // During this request, others may get the cached delta update, but it lacks segment 11.
    const first = stage.load(ann, path, { appended: "&_HLS_skip=YES" });
    const second = stage.load(ann, path, { appended: "&_HLS_msn=11&_HLS_skip=YES" });
    resolve();
    await first;
    expect(await textOf(await second)).toContain("\n11.m4s?seg=");
  });

  it("for delta updates never causes a request for the whole playlist", async () => {
    const stage = await stageOf(live(10));
    await stage.text(ann, path);
    for (let segment = 11; segment < 25; segment++) {
      stage.state.respond = async () => ok(new Response(live(segment)));
      await stage.text(ann, path, { appended: `&_HLS_msn=${segment}&_HLS_skip=YES` });
    }
    expect(stage.requests.map((request) => request.query).filter((query) => query === "")).toHaveLength(1);
  });

  it("that is held does not block a request for the plain playlist", async () => {
    const stage = await stageOf(live(10));
    await stage.text(ann, path);
    stage.state.now = timeAfter(now, seconds(1));
    const { promise, resolve } = Promise.withResolvers<void>();
    stage.state.respond = async ({ query }) => {
      if (query !== "") await promise;
      return ok(new Response(live(query === "" ? 11 : 12)));
    };
    const held = stage.load(ann, path, { appended: "&_HLS_msn=12" });
    expect(await stage.text(ann, path)).toContain("\n11.m4s?seg=");
    resolve();
    expect(await textOf(await held)).toContain("\n12.m4s?seg=");
    expect(await stage.text(ann, path)).toContain("\n12.m4s?seg=");
  });
});
