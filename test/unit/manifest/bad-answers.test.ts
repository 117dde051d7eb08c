import { describe, expect, it } from "vitest";
import { ok, type Result } from "../../../src/base/result.ts";
import { seconds, after as timeAfter } from "../../../src/base/time.ts";
import type { OriginRefusal } from "../../../src/origin/origin.ts";
import { now } from "../signing/session.ts";
import { assetOf, playlistStage, textOf } from "./playlist-stage.ts";
import { answered, live, shareStage } from "./share-stage.ts";

interface BadAnswer {
  readonly what: string;
  readonly body: BodyInit | null;
  readonly headers?: Record<string, string>;
}
/** What an origin in trouble answers with status 200 in place of a live playlist's next version. */
const bad: readonly BadAnswer[] = [
  { what: "nothing", body: "" },
  { what: "no body", body: null },
  { what: "blank lines", body: "\n\n" },
  {
    what: "an error page",
    body: "<!doctype html>\n<title>502 Bad Gateway</title>\n",
    headers: { "Content-Type": "text/html" },
  },
  { what: "JSON", body: '{"error":"upstream"}' },
  { what: "bytes that are no text", body: new Uint8Array([0x1f, 0x8b, 8, 0, 0, 0, 0, 0]) },
  { what: "less than it says", body: live(11).slice(0, -8), headers: { "Content-Length": String(live(11).length) } },
  { what: "more than it says", body: live(11), headers: { "Content-Length": "10" } },
  { what: "the header alone", body: "#EXTM3U\n#EXT-X-TARGETDURATION:4\n" },
  { what: "half a line", body: live(11).slice(0, -3) },
  { what: "a segment without its URI", body: live(11).replace("11.m4s\n", "") },
  { what: "a URI without its EXTINF", body: live(11).replace("#EXTINF:4,\n", "") },
  { what: "both kinds of playlist", body: `${live(11)}#EXT-X-STREAM-INF:BANDWIDTH=1\nlow.m3u8\n` },
  { what: "too much", body: `${live(11)}#${"x".repeat(4 * 1024 * 1024)}\n` },
];

const responseOf = (body: BodyInit | null, headers: Record<string, string> = {}) => ok(new Response(body, { headers }));
const good = (last: number) => responseOf(live(last), { ETag: `"${last}"` });

describe.each(bad)("a live origin that answers 200 with $what", ({ body, headers }) => {
  it("has failed: the last version goes on for all, the log is told, and the next question asks again", async () => {
    const stage = shareStage(async (__, at) =>
      at === 0 ? good(10) : at < 5000 ? responseOf(body, headers) : good(12),
    );
    await stage.ask();
    await stage.pass(4500);
    const given = answered(await stage.ask());
    expect(given).toMatchObject({ text: live(10), etag: '"10"', shared: false });
    expect(["origin_failed", "playlist_invalid", "playlist_too_large"]).toContain(given.failure?.code);
    await stage.pass(500);
    expect(answered(await stage.ask())).toMatchObject({ text: live(12), shared: true });
    expect(stage.asked.map(({ request }) => request.ifNoneMatch)).toEqual([undefined, '"10"', '"10"']);
  });

  it("is covered up for 3 target durations, and then no longer", async () => {
    const stage = shareStage(async (__, at) => (at === 0 ? good(10) : responseOf(body, headers)));
    await stage.ask();
    for (let at = 4500; at <= 12_000; at += 750) {
      await stage.pass(at - stage.now());
      expect(answered(await stage.ask()).text).toBe(live(10));
    }
    await stage.pass(12_501 - stage.now());
    // Then it is refused each time, or believed where nothing but the version before spoke against it.
    const results = [await stage.ask(), await stage.ask()];
    for (const result of results) if (result.ok) expect(result.value.text).toBe(body);
    expect(new Set(results.map((result) => result.ok)).size).toBe(1);
  });

  it("has failed without an object in between as well", async () => {
    const stage = await playlistStage({ "film/low/index.m3u8": live(10) });
    const at = (by: number) => {
      stage.state.now = timeAfter(now, seconds(by));
    };
    const before = await stage.text({ name: "ann" }, "low/index.m3u8");
    stage.state.answer = async () => responseOf(body, headers);
    at(2);
    expect(await stage.text({ name: "ann" }, "low/index.m3u8")).toBe(before);
    expect(await stage.text({ name: "bob" }, "low/index.m3u8")).toContain("10.m4s?seg=");
    // It is asked once for both, and the log is told once.
    expect([stage.asked.length, stage.refusals.length]).toEqual([2, 1]);
    stage.state.answer = async () => good(12);
    at(3);
    expect(await stage.text({ name: "ann" }, "low/index.m3u8")).toContain("12.m4s?seg=");
  });

  it("is covered up for 3 target durations there, too", async () => {
    const stage = await playlistStage({ "film/low/index.m3u8": live(10) });
    await stage.text({ name: "ann" }, "low/index.m3u8");
    stage.state.answer = async () => responseOf(body, headers);
    stage.state.now = timeAfter(now, seconds(12));
    expect((await stage.load({ name: "ann" }, "low/index.m3u8")).ok).toBe(true);
    stage.state.now = timeAfter(now, seconds(14));
    const late = await stage.load({ name: "ann" }, "low/index.m3u8");
    // What is wrong by the version before alone is believed then.
    if (late.ok) expect(await textOf(late)).not.toContain("10.m4s");
  });
});

describe("a bad answer", () => {
  const html = () => responseOf("<!doctype html>");
  const viewer = { name: "ann" };
  const path = "low/index.m3u8";

  it("is refused as what it is where there is no version to go on with", async () => {
    const stage = shareStage(async (_, at) => (at === 0 ? html() : good(10)));
    expect(await stage.ask()).toMatchObject({ ok: false, refusal: { code: "playlist_invalid" } });
    // Nothing of it is kept.
    await stage.pass(1);
    expect(answered(await stage.ask()).text).toBe(live(10));
    const alone = await playlistStage({});
    alone.state.answer = async () => html();
    expect(await alone.load(viewer, path)).toMatchObject({ ok: false, refusal: { code: "playlist_invalid" } });
    alone.state.answer = async () => good(10);
    expect(await alone.text(viewer, path)).toContain("10.m4s?seg=");
  });

  it("does not cover up the end of a stream, nor that it is gone", async () => {
    const ended = `${live(10)}#EXT-X-ENDLIST\n`;
    const stage = shareStage(async (_, at) => (at === 0 ? good(10) : at < 5000 ? html() : responseOf(ended)));
    await stage.ask();
    await stage.pass(4500);
    expect(answered(await stage.ask()).text).toBe(live(10));
    await stage.pass(500);
    expect(answered(await stage.ask()).text).toBe(ended);
    // What has ended cannot change, so nothing replaces it.
    const over = await playlistStage({ [`film/${path}`]: ended });
    await over.text(viewer, path);
    over.state.answer = async () => html();
    over.state.now = timeAfter(now, seconds(11));
    expect(await over.load(viewer, path)).toMatchObject({ ok: false, refusal: { code: "playlist_invalid" } });
  });

  it("to a blocking reload leaves the last version as it was, and the next one is waited for again", async () => {
    const stage = shareStage(async ({ query }, at) => {
      if (query === "") return good(10);
      return at < 1000 ? html() : responseOf(live(11));
    });
    await stage.ask();
    const least = { least: { segment: 11 } };
    expect(answered(await stage.ask(least))).toMatchObject({
      text: live(10),
      shared: false,
      failure: { code: "playlist_invalid" },
    });
    await stage.pass(1000);
    expect(answered(await stage.ask(least))).toMatchObject({ text: live(11), shared: true });
  });

  it("to a blocking reload that is a part of the last version is none either", async () => {
    const more = { parts: 2, more: "#EXT-X-PART-INF:PART-TARGET=1" };
    const stage = shareStage(async ({ query }) =>
      query === "" ? responseOf(live(10, more)) : responseOf(live(10, { ...more, parts: 3 }).slice(0, -5)),
    );
    await stage.ask();
    const given = answered(await stage.ask({ least: { segment: 11, part: 2 } }));
    expect(given).toMatchObject({ text: live(10, more), shared: false });
  });

  it("to a delta update is answered by the last delta update, else by the whole playlist", async () => {
    const whole = [
      "#EXTM3U",
      "#EXT-X-TARGETDURATION:4",
      "#EXT-X-SERVER-CONTROL:CAN-SKIP-UNTIL=24",
      "#EXT-X-MEDIA-SEQUENCE:1",
    ];
    const segments = Array.from({ length: 9 }, (_, i) => `#EXTINF:4,\n${i + 1}.m4s`);
    const text = [...whole, ...segments, ""].join("\n");
    const delta = [...whole, "#EXT-X-SKIP:SKIPPED-SEGMENTS=3", ...segments.slice(3), ""].join("\n");
    const stage = await playlistStage({ [`film/${path}`]: text });
    const skip = { appended: "&_HLS_skip=YES" };
    const first = await stage.text(viewer, path);
    stage.state.answer = async ({ query }) => (query === "" ? responseOf(text) : html());
    expect(await stage.text(viewer, path, skip)).toBe(first);
    expect(stage.refusals.map(({ code }) => code)).toEqual(["playlist_invalid"]);
    stage.state.answer = async ({ query }) => responseOf(query === "" ? text : delta);
    expect(await stage.text(viewer, path, skip)).toContain("SKIPPED-SEGMENTS=3");
    stage.state.now = timeAfter(now, seconds(2));
    stage.state.answer = async ({ query }) => (query === "" ? responseOf(text) : html());
    expect(await stage.text(viewer, path, skip)).toContain("SKIPPED-SEGMENTS=3");
  });

  it("is one that leads to a host that the asset does not allow: no such URI leaves, and the stream goes on", async () => {
    const abroad = live(11).replace("11.m4s", "https://ads.example/11.m4s");
    const stage = await playlistStage({ [`film/${path}`]: live(10) });
    await stage.text(viewer, path);
    stage.state.answer = async () => responseOf(abroad);
    stage.state.now = timeAfter(now, seconds(2));
    expect(await stage.text(viewer, path)).toContain("10.m4s?seg=");
    expect(stage.refusals.map(({ code }) => code)).toEqual(["uri_foreign"]);
    stage.state.now = timeAfter(now, seconds(13));
    expect(await stage.load(viewer, path)).toMatchObject({ ok: false, refusal: { code: "uri_foreign" } });
  });

  it("is covered up by no version that the asset would not allow any more", async () => {
    const abroad = live(10).replace("10.m4s", "https://ads.example/10.m4s");
    const stage = await playlistStage({ [`film/${path}`]: abroad });
    stage.state.assets = [assetOf("film", { allowedHosts: ["ads.example"] })];
    expect(await stage.text(viewer, path)).toContain("ads.example");
    stage.state.assets = [assetOf("film")];
    stage.state.answer = async () => html();
    stage.state.now = timeAfter(now, seconds(2));
    expect((await stage.load(viewer, path)).ok).toBe(false);
  });

  it("to the multivariant playlist ends no live stream that takes variables from it", async () => {
    const define = '#EXT-X-DEFINE:IMPORT="cdn"\n#EXT-X-TARGETDURATION';
    const media = live(10).replace("#EXT-X-TARGETDURATION", define).replace("10.m4s", "{$cdn}/10.m4s");
    const entry = `#EXTM3U\n#EXT-X-DEFINE:NAME="cdn",VALUE="a"\n#EXT-X-STREAM-INF:BANDWIDTH=1\n${path}\n`;
    const stage = await playlistStage({ "film/index.m3u8": entry, [`film/${path}`]: media });
    expect(await stage.text(viewer, path)).toContain("a/10.m4s?seg=");
    stage.state.now = timeAfter(now, seconds(11));
    const answers: Readonly<Record<string, Result<Response, OriginRefusal>>> = { "index.m3u8": html() };
    stage.state.answer = async (request) => answers[request.path] ?? responseOf(media.replaceAll("10", "11"));
    expect(await stage.text(viewer, path)).toContain("a/11.m4s?seg=");
    expect(stage.refusals.map(({ code }) => code)).toEqual(["playlist_invalid"]);
  });
});
