import { describe, expect, it } from "vitest";
import { seconds, after as timeAfter } from "../../../src/base/seconds.ts";
import { in5Minutes, now } from "../signing/session.ts";
import { playlistStage } from "./playlist-stage.ts";

const ann = { name: "ann" };
const bob = { name: "bob" };

const media = `#EXTM3U
#EXT-X-TARGETDURATION:6
#EXT-X-PLAYLIST-TYPE:VOD
#EXTINF:6,
0.ts
#EXTINF:6,
1.ts
#EXT-X-ENDLIST
`;

const multivariant = `#EXTM3U
#EXT-X-STREAM-INF:BANDWIDTH=1000
low/index.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=2000
high/index.m3u8
`;

const ll = (first: number, parts: string, hint: string) => `#EXTM3U
#EXT-X-TARGETDURATION:4
#EXT-X-PART-INF:PART-TARGET=1
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=3
#EXT-X-MEDIA-SEQUENCE:${first}
#EXTINF:4,
${first}.m4s
${parts}#EXT-X-PRELOAD-HINT:TYPE=PART,URI="${hint}"
#EXT-X-RENDITION-REPORT:URI="../high/index.m3u8",LAST-MSN=${first},LAST-PART=1
`;

/** The expiry in the URL of a file that a playlist names. */
function expiryOf(text: string, file: string): number {
  return Number(new RegExp(`${file.replace(".", "\\.")}\\?(?:seg|list)=(\\d+)`).exec(text)?.[1]);
}

describe("what all viewers of a step share", () => {
  it("is the same bytes for each of them, and asked of the origin once", async () => {
    const stage = await playlistStage({ "film/low/index.m3u8": media });
    const first = await stage.text(ann, "low/index.m3u8");
    expect(await stage.text(bob, "low/index.m3u8")).toBe(first);
    expect(stage.asked).toHaveLength(1);
  });

  it("is signed anew in the next step", async () => {
    const stage = await playlistStage({ "film/low/index.m3u8": media });
    const first = await stage.text(ann, "low/index.m3u8");
    stage.state.now = timeAfter(now, seconds(31));
    const second = await stage.text(ann, "low/index.m3u8");
    expect(expiryOf(second, "0.ts") - expiryOf(first, "0.ts")).toBe(30);
  });

  it("is signed anew for a new version of the origin's playlist", async () => {
    const stage = await playlistStage({ "film/low/index.m3u8": media });
    await stage.text(ann, "low/index.m3u8");
    stage.put("film/low/index.m3u8", media.replace("1.ts", "1-mended.ts"));
    stage.state.now = timeAfter(now, seconds(10));
    expect(await stage.text(ann, "low/index.m3u8")).toContain("1-mended.ts?seg=");
  });

  it("does not hold what is bound to one of them: the URLs of other playlists", async () => {
    const stage = await playlistStage({ "film/index.m3u8": multivariant });
    const [a, b] = [await stage.text(ann, "index.m3u8"), await stage.text(bob, "index.m3u8")];
    expect(a).not.toBe(b);
    expect(a.replaceAll(/\.[\w-]{22}$/gm, "")).toBe(b.replaceAll(/\.[\w-]{22}$/gm, ""));
  });

  it("is not shared where the asset binds segments to the session", async () => {
    const stage = await playlistStage({ "premiere/low/index.m3u8": media });
    const load = (name: string) => stage.text({ name, asset: "premiere" }, "low/index.m3u8");
    expect(await load("ann")).not.toBe(await load("bob"));
    expect(await load("ann")).toBe(await load("ann"));
  });
});

describe("the URLs of media playlists", () => {
  it("live as long as the session, since players reload them", async () => {
    const stage = await playlistStage({ "film/index.m3u8": multivariant });
    const sessionEnds = timeAfter(now, seconds(7777));
    const text = await stage.text({ ...ann, sessionEnds }, "index.m3u8", { expiry: in5Minutes });
    expect(expiryOf(text, "low/index.m3u8")).toBe(sessionEnds);
  });

  it("are given in a multivariant playlist where the entry itself is a media playlist", async () => {
    const stage = await playlistStage({ "film/index.m3u8": media });
    const text = await stage.text(ann, "index.m3u8", { expiry: in5Minutes });
    expect(text).toContain("#EXT-X-STREAM-INF:BANDWIDTH=");
    expect(text).not.toContain("#EXTINF");
    const [, query] = /index\.m3u8\?(.*)/.exec(text) ?? [];
    expect(query).toMatch(/^list=\d+\.[\w-]{22}$/);
  });

  it("lead to the media playlist itself", async () => {
    const stage = await playlistStage({ "film/index.m3u8": media });
    expect(await stage.text(ann, "index.m3u8")).toContain("#EXTINF");
  });
});

describe("the origin", () => {
  it("is asked whether its playlist has changed once it is no longer fresh: 10 s for one that stands still", async () => {
    const stage = await playlistStage({ "film/low/index.m3u8": media });
    await stage.text(ann, "low/index.m3u8");
    stage.state.now = timeAfter(now, seconds(9));
    await stage.text(ann, "low/index.m3u8");
    expect(stage.asked).toHaveLength(1);
    stage.state.now = timeAfter(now, seconds(10));
    await stage.text(ann, "low/index.m3u8");
    expect(stage.asked.map(({ ifNoneMatch }) => typeof ifNoneMatch)).toEqual(["undefined", "string"]);
  });

  it("is asked for a live playlist every second", async () => {
    const stage = await playlistStage({
      "film/low/index.m3u8": media.replace("#EXT-X-ENDLIST\n", "").replace("#EXT-X-PLAYLIST-TYPE:VOD\n", ""),
    });
    await stage.text(ann, "low/index.m3u8");
    await stage.text(bob, "low/index.m3u8");
    expect(stage.asked).toHaveLength(1);
    stage.state.now = timeAfter(now, seconds(1));
    await stage.text(ann, "low/index.m3u8");
    expect(stage.asked).toHaveLength(2);
  });

  it.each([
    ["&_HLS_msn=12&_HLS_part=3", "_HLS_msn=12&_HLS_part=3"],
    ["&_HLS_skip=YES&CMCD=x&_HLS_msn=7", "_HLS_msn=7&_HLS_skip=YES"],
    ["&_HLS_msn=7&_HLS_msn=8", "_HLS_msn=7"],
    ["&_HLS_msn=1e3&_HLS_part=-1&_HLS_skip=please&evil=1", ""],
  ])("is given the delivery directives of %s and nothing else", async (appended, query) => {
    const stage = await playlistStage({ [`film/low/index.m3u8${query === "" ? "" : `?${query}`}`]: media });
    await stage.text(ann, "low/index.m3u8", { appended });
    expect(stage.asked.map((request) => request.query)).toEqual([query]);
  });

  it("lends the multivariant playlist's variables to a playlist that imports them", async () => {
    const stage = await playlistStage({
      "film/index.m3u8": `#EXTM3U\n#EXT-X-DEFINE:NAME="folder",VALUE="take-2"\n${multivariant.slice(8)}`,
      "film/low/index.m3u8": media
        .replace("#EXTINF", '#EXT-X-DEFINE:IMPORT="folder"\n#EXTINF')
        .replace("0.ts", "{$folder}/0.ts"),
    });
    expect(await stage.text(ann, "low/index.m3u8")).toContain("\ntake-2/0.ts?seg=");
  });
});

describe("low latency", () => {
  it("a preload hint's URL is that of the part it announces, though a step and a blocking reload lie between", async () => {
    const early = ll(10, "", "11.0.m4s");
    const late = ll(10, '#EXT-X-PART:DURATION=1,URI="11.0.m4s"\n', "11.1.m4s");
    const stage = await playlistStage({
      "film/low/index.m3u8": early,
      "film/low/index.m3u8?_HLS_msn=11&_HLS_part=0": late,
    });
    const hinted = /URI="(11\.0\.m4s[^"]*)"/.exec(await stage.text(ann, "low/index.m3u8"))?.[1];
    stage.state.now = timeAfter(now, seconds(21)); // the next step begins 20 s after `now`
    const parts = await stage.text(bob, "low/index.m3u8", { appended: "&_HLS_msn=11&_HLS_part=0" });
    expect(hinted).toMatch(/^11\.0\.m4s\?seg=/);
    expect(parts).toContain(`#EXT-X-PART:DURATION=1,URI="${hinted}"`);
  });

  it("a rendition report's URL is bound to the viewer", async () => {
    const stage = await playlistStage({ "film/low/index.m3u8": ll(10, "", "11.0.m4s") });
    const report = (text: string) => /REPORT:URI="([^"]*)"/.exec(text)?.[1];
    const [a, b] = [report(await stage.text(ann, "low/index.m3u8")), report(await stage.text(bob, "low/index.m3u8"))];
    expect(a).toMatch(/^\.\.\/high\/index\.m3u8\?list=/);
    expect(a).not.toBe(b);
  });
});

describe("an asset of CloudFront", () => {
  it("has its segments signed for the distribution, the same for all viewers whose session outlives the film", async () => {
    const stage = await playlistStage({ "cloud/index.m3u8": multivariant, "cloud/low/index.m3u8": media });
    const load = (name: string) => stage.text({ name, asset: "cloud" }, "low/index.m3u8");
    const text = await load("ann");
    expect(text).toMatch(/\nhttps:\/\/d1\.cloudfront\.net\/cloud\/low\/0\.ts\?Expires=\d+&Key-Pair-Id=K2&Signature=/);
    expect(await load("bob")).toBe(text);
  });

  it("has no URL that outlives a session which ends before the film", async () => {
    const stage = await playlistStage({ "cloud/index.m3u8": multivariant, "cloud/low/index.m3u8": media });
    const sessionEnds = timeAfter(now, seconds(60));
    const text = await stage.text({ ...ann, asset: "cloud", sessionEnds }, "low/index.m3u8");
    expect([...text.matchAll(/Expires=(\d+)/g)].map(([, expires]) => Number(expires))).toEqual([
      sessionEnds,
      sessionEnds,
    ]);
  });

  it("is refused, and not half signed, where the ring lacks its key", async () => {
    const stage = await playlistStage({ "keyless/index.m3u8": multivariant, "keyless/low/index.m3u8": media });
    const answered = await stage.load({ ...ann, asset: "keyless" }, "low/index.m3u8");
    expect(answered).toMatchObject({ ok: false, refusal: { code: "configuration_invalid" } });
  });
});

describe("refusals", () => {
  it("a URL that has ended is refused and never redirected", async () => {
    const stage = await playlistStage({ "film/low/index.m3u8": media });
    stage.state.now = timeAfter(in5Minutes, seconds(0));
    const answered = await stage.load(ann, "low/index.m3u8", { expiry: in5Minutes });
    expect(answered).toMatchObject({ ok: false, refusal: { code: "signature_expired" } });
    expect(stage.asked).toHaveLength(0);
  });

  it.each([
    ["what is not there", {}, "object_unknown"],
    ["what is no playlist", { "film/low/index.m3u8": "<html>" }, "playlist_invalid"],
    [
      "what leads elsewhere",
      { "film/low/index.m3u8": media.replace("0.ts", "https://elsewhere.example/0.ts") },
      "uri_foreign",
    ],
    [
      "what leads out of the asset",
      { "film/low/index.m3u8": media.replace("0.ts", "../../other/0.ts") },
      "uri_foreign",
    ],
    ["more than 4 MiB", { "film/low/index.m3u8": `#EXTM3U\n#${"x".repeat(4 * 1024 * 1024)}` }, "playlist_too_large"],
  ])("%s", async (_, files, code) => {
    const stage = await playlistStage(files);
    expect(await stage.load(ann, "low/index.m3u8")).toMatchObject({ ok: false, refusal: { code } });
  });

  it("HEAD has the headers of GET and no body", async () => {
    const stage = await playlistStage({ "film/low/index.m3u8": media });
    const head = await stage.load(ann, "low/index.m3u8", { method: "HEAD" });
    const whole = await stage.text(ann, "low/index.m3u8");
    if (!head.ok) throw new Error(head.refusal.code);
    expect(head.value.headers.get("content-length")).toBe(String(whole.length));
    expect(await head.value.text()).toBe("");
  });
});
