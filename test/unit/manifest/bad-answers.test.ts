import { describe, expect, it } from "vitest";
import { ok, type Result } from "../../../src/base/result.ts";
import { seconds, after as timeAfter } from "../../../src/base/time.ts";
import type { OriginRefusal } from "../../../src/origin/origin.ts";
import { now } from "../signing/session.ts";
import { assetOf, playlistStage, textOf } from "./playlist-stage.ts";
import { live, shareStage, unwrap } from "./share-stage.ts";

interface BadResponse {
  readonly what: string;
  readonly body: BodyInit | null;
  readonly headers?: Record<string, string>;
}
/** Responses with status 200 that a failing origin sends instead of the next version of a live playlist. */
const bad: readonly BadResponse[] = [
  { what: "an empty body", body: "" },
  { what: "no body", body: null },
  { what: "blank lines", body: "\n\n" },
  {
    what: "an error page",
    body: "<!doctype html>\n<title>502 Bad Gateway</title>\n",
    headers: { "Content-Type": "text/html" },
  },
  { what: "JSON", body: '{"error":"upstream"}' },
  { what: "bytes that are not text", body: new Uint8Array([0x1f, 0x8b, 8, 0, 0, 0, 0, 0]) },
  {
    what: "fewer bytes than its Content-Length",
    body: live(11).slice(0, -8),
    headers: { "Content-Length": String(live(11).length) },
  },
  { what: "more bytes than its Content-Length", body: live(11), headers: { "Content-Length": "10" } },
  { what: "the header only", body: "#EXTM3U\n#EXT-X-TARGETDURATION:4\n" },
  { what: "half a line", body: live(11).slice(0, -3) },
  { what: "a segment without its URI", body: live(11).replace("11.m4s\n", "") },
  { what: "a URI without its EXTINF", body: live(11).replace("#EXTINF:4,\n", "") },
  { what: "both kinds of playlist", body: `${live(11)}#EXT-X-STREAM-INF:BANDWIDTH=1\nlow.m3u8\n` },
  { what: "more than 4 MiB", body: `${live(11)}#${"x".repeat(4 * 1024 * 1024)}\n` },
];

const responseOf = (body: BodyInit | null, headers: Record<string, string> = {}) => ok(new Response(body, { headers }));
const good = (last: number) => responseOf(live(last), { ETag: `"${last}"` });

describe.each(bad)("a live origin that answers 200 with $what", ({ body, headers }) => {
  it("has failed: the last version stays in use, the failure is logged, and the next request tries again", async () => {
    const stage = shareStage(async (__, at) =>
      at === 0 ? good(10) : at < 5000 ? responseOf(body, headers) : good(12),
    );
    await stage.load();
    await stage.pass(4500);
    const answer = unwrap(await stage.load());
    expect(answer).toMatchObject({ text: live(10), etag: '"10"', shared: false });
    expect(["origin_failed", "playlist_invalid", "playlist_too_large"]).toContain(answer.failure?.code);
    await stage.pass(500);
    expect(unwrap(await stage.load())).toMatchObject({ text: live(12), shared: true });
    expect(stage.requests.map(({ request }) => request.ifNoneMatch)).toEqual([undefined, '"10"', '"10"']);
  });

  it("is replaced by the last version for 3 target durations, and no longer", async () => {
    const stage = shareStage(async (__, at) => (at === 0 ? good(10) : responseOf(body, headers)));
    await stage.load();
    for (let at = 4500; at <= 12_000; at += 750) {
      await stage.pass(at - stage.now());
      expect(unwrap(await stage.load()).text).toBe(live(10));
    }
    await stage.pass(12_501 - stage.now());
    // After that it is refused each time, or accepted if only the version before contradicted it.
    const results = [await stage.load(), await stage.load()];
    for (const result of results) if (result.ok) expect(result.value.text).toBe(body);
    expect(new Set(results.map((result) => result.ok)).size).toBe(1);
  });

  it("has failed without a shared object too", async () => {
    const stage = await playlistStage({ "film/low/index.m3u8": live(10) });
    const at = (by: number) => {
      stage.state.now = timeAfter(now, seconds(by));
    };
    const before = await stage.text({ name: "ann" }, "low/index.m3u8");
    stage.state.respond = async () => responseOf(body, headers);
    at(2);
    expect(await stage.text({ name: "ann" }, "low/index.m3u8")).toBe(before);
    expect(await stage.text({ name: "bob" }, "low/index.m3u8")).toContain("10.m4s?seg=");
    // The origin is asked once for both viewers, and the failure is logged once.
    expect([stage.requests.length, stage.refusals.length]).toEqual([2, 1]);
    stage.state.respond = async () => good(12);
    at(3);
    expect(await stage.text({ name: "ann" }, "low/index.m3u8")).toContain("12.m4s?seg=");
  });

  it("is replaced by the last version for 3 target durations without a shared object too", async () => {
    const stage = await playlistStage({ "film/low/index.m3u8": live(10) });
    await stage.text({ name: "ann" }, "low/index.m3u8");
    stage.state.respond = async () => responseOf(body, headers);
    stage.state.now = timeAfter(now, seconds(12));
    expect((await stage.load({ name: "ann" }, "low/index.m3u8")).ok).toBe(true);
    stage.state.now = timeAfter(now, seconds(14));
    const late = await stage.load({ name: "ann" }, "low/index.m3u8");
    // A fault that only the version before shows is accepted by then.
    if (late.ok) expect(await textOf(late)).not.toContain("10.m4s");
  });
});

describe("a bad response", () => {
  const html = () => responseOf("<!doctype html>");
  const viewer = { name: "ann" };
  const path = "low/index.m3u8";

  it("is refused for what it is if there is no version to fall back on", async () => {
    const stage = shareStage(async (_, at) => (at === 0 ? html() : good(10)));
    expect(await stage.load()).toMatchObject({ ok: false, refusal: { code: "playlist_invalid" } });
    // Nothing of it is kept.
    await stage.pass(1);
    expect(unwrap(await stage.load()).text).toBe(live(10));
    const alone = await playlistStage({});
    alone.state.respond = async () => html();
    expect(await alone.load(viewer, path)).toMatchObject({ ok: false, refusal: { code: "playlist_invalid" } });
    alone.state.respond = async () => good(10);
    expect(await alone.text(viewer, path)).toContain("10.m4s?seg=");
  });

  it("does not hide the end of a stream, and is refused after it", async () => {
    const ended = `${live(10)}#EXT-X-ENDLIST\n`;
    const stage = shareStage(async (_, at) => (at === 0 ? good(10) : at < 5000 ? html() : responseOf(ended)));
    await stage.load();
    await stage.pass(4500);
    expect(unwrap(await stage.load()).text).toBe(live(10));
    await stage.pass(500);
    expect(unwrap(await stage.load()).text).toBe(ended);
    // An ended playlist cannot change, so nothing replaces a bad response.
    const over = await playlistStage({ [`film/${path}`]: ended });
    await over.text(viewer, path);
    over.state.respond = async () => html();
    over.state.now = timeAfter(now, seconds(11));
    expect(await over.load(viewer, path)).toMatchObject({ ok: false, refusal: { code: "playlist_invalid" } });
  });

  it("to a blocking reload leaves the last version in use, and the next reload waits again", async () => {
    const stage = shareStage(async ({ query }, at) => {
      if (query === "") return good(10);
      return at < 1000 ? html() : responseOf(live(11));
    });
    await stage.load();
    const least = { least: { segment: 11 } };
    expect(unwrap(await stage.load(least))).toMatchObject({
      text: live(10),
      shared: false,
      failure: { code: "playlist_invalid" },
    });
    await stage.pass(1000);
    expect(unwrap(await stage.load(least))).toMatchObject({ text: live(11), shared: true });
  });

  it("to a blocking reload that is cut off is not used", async () => {
    const more = { parts: 2, more: "#EXT-X-PART-INF:PART-TARGET=1" };
    const stage = shareStage(async ({ query }) =>
      query === "" ? responseOf(live(10, more)) : responseOf(live(10, { ...more, parts: 3 }).slice(0, -5)),
    );
    await stage.load();
    const answer = unwrap(await stage.load({ least: { segment: 11, part: 2 } }));
    expect(answer).toMatchObject({ text: live(10, more), shared: false });
  });

  it("to a delta update is replaced by the last delta update, or else by the whole playlist", async () => {
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
    stage.state.respond = async ({ query }) => (query === "" ? responseOf(text) : html());
    expect(await stage.text(viewer, path, skip)).toBe(first);
    expect(stage.refusals.map(({ code }) => code)).toEqual(["playlist_invalid"]);
    stage.state.respond = async ({ query }) => responseOf(query === "" ? text : delta);
    expect(await stage.text(viewer, path, skip)).toContain("SKIPPED-SEGMENTS=3");
    stage.state.now = timeAfter(now, seconds(2));
    stage.state.respond = async ({ query }) => (query === "" ? responseOf(text) : html());
    expect(await stage.text(viewer, path, skip)).toContain("SKIPPED-SEGMENTS=3");
  });

  it("can have a URI on a forbidden host: it is not passed on, and the last version stays in use", async () => {
    const abroad = live(11).replace("11.m4s", "https://ads.example/11.m4s");
    const stage = await playlistStage({ [`film/${path}`]: live(10) });
    await stage.text(viewer, path);
    stage.state.respond = async () => responseOf(abroad);
    stage.state.now = timeAfter(now, seconds(2));
    expect(await stage.text(viewer, path)).toContain("10.m4s?seg=");
    expect(stage.refusals.map(({ code }) => code)).toEqual(["uri_foreign"]);
    stage.state.now = timeAfter(now, seconds(13));
    expect(await stage.load(viewer, path)).toMatchObject({ ok: false, refusal: { code: "uri_foreign" } });
  });

  it("is not replaced by a version that the asset no longer allows", async () => {
    const abroad = live(10).replace("10.m4s", "https://ads.example/10.m4s");
    const stage = await playlistStage({ [`film/${path}`]: abroad });
    stage.state.assets = [assetOf("film", { allowedHosts: ["ads.example"] })];
    expect(await stage.text(viewer, path)).toContain("ads.example");
    stage.state.assets = [assetOf("film")];
    stage.state.respond = async () => html();
    stage.state.now = timeAfter(now, seconds(2));
    expect((await stage.load(viewer, path)).ok).toBe(false);
  });

  it("to the multivariant playlist does not end a live stream that imports its variables", async () => {
    const define = '#EXT-X-DEFINE:IMPORT="cdn"\n#EXT-X-TARGETDURATION';
    const media = live(10).replace("#EXT-X-TARGETDURATION", define).replace("10.m4s", "{$cdn}/10.m4s");
    const entry = `#EXTM3U\n#EXT-X-DEFINE:NAME="cdn",VALUE="a"\n#EXT-X-STREAM-INF:BANDWIDTH=1\n${path}\n`;
    const stage = await playlistStage({ "film/index.m3u8": entry, [`film/${path}`]: media });
    expect(await stage.text(viewer, path)).toContain("a/10.m4s?seg=");
    stage.state.now = timeAfter(now, seconds(11));
    const responses: Readonly<Record<string, Result<Response, OriginRefusal>>> = { "index.m3u8": html() };
    stage.state.respond = async (request) => responses[request.path] ?? responseOf(media.replaceAll("10", "11"));
    expect(await stage.text(viewer, path)).toContain("a/11.m4s?seg=");
    expect(stage.refusals.map(({ code }) => code)).toEqual(["playlist_invalid"]);
  });
});
