import { describe, expect, it } from "vitest";
import { seconds, after as timeAfter } from "../../../src/base/time.ts";
import { in5Minutes, now } from "../signing/session.ts";
import { assetOf, playlistStage } from "./playlist-stage.ts";

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

describe("a rewritten playlist", () => {
  it("is the same bytes for all viewers of a step, and costs the origin one request", async () => {
    const stage = await playlistStage({ "film/low/index.m3u8": media });
    const first = await stage.text(ann, "low/index.m3u8");
    expect(await stage.text(bob, "low/index.m3u8")).toBe(first);
    expect(stage.requests).toHaveLength(1);
  });

  it("is signed again in the next step", async () => {
    const stage = await playlistStage({ "film/low/index.m3u8": media });
    const first = await stage.text(ann, "low/index.m3u8");
    stage.state.now = timeAfter(now, seconds(31));
    const second = await stage.text(ann, "low/index.m3u8");
    expect(expiryOf(second, "0.ts") - expiryOf(first, "0.ts")).toBe(30);
  });

  it("is signed again for a new version of the origin's playlist", async () => {
    const stage = await playlistStage({ "film/low/index.m3u8": media });
    await stage.text(ann, "low/index.m3u8");
    stage.put("film/low/index.m3u8", media.replace("1.ts", "1-fixed.ts"));
    stage.state.now = timeAfter(now, seconds(10));
    expect(await stage.text(ann, "low/index.m3u8")).toContain("1-fixed.ts?seg=");
  });

  it("binds the URLs of other playlists to one viewer", async () => {
    const stage = await playlistStage({ "film/index.m3u8": multivariant });
    const [a, b] = [await stage.text(ann, "index.m3u8"), await stage.text(bob, "index.m3u8")];
    expect(a).not.toBe(b);
    expect(a.replaceAll(/\.[\w-]{22}$/gm, "")).toBe(b.replaceAll(/\.[\w-]{22}$/gm, ""));
  });

  it("is not shared if the asset binds segments to the session", async () => {
    const stage = await playlistStage({ "premiere/low/index.m3u8": media });
    const load = (name: string) => stage.text({ name, asset: "premiere" }, "low/index.m3u8");
    expect(await load("ann")).not.toBe(await load("bob"));
    expect(await load("ann")).toBe(await load("ann"));
  });
});

describe("the URLs of media playlists", () => {
  it("live as long as the session, because players reload them", async () => {
    const stage = await playlistStage({ "film/index.m3u8": multivariant });
    const sessionExpiry = timeAfter(now, seconds(7777));
    const text = await stage.text({ ...ann, sessionExpiry }, "index.m3u8", { expiry: in5Minutes });
    expect(expiryOf(text, "low/index.m3u8")).toBe(sessionExpiry);
  });

  it("are in a multivariant playlist around an entry that players will reload", async () => {
    const live = media.replace("#EXT-X-ENDLIST\n", "").replace("#EXT-X-PLAYLIST-TYPE:VOD\n", "");
    const stage = await playlistStage({ "film/index.m3u8": live });
    const text = await stage.text(ann, "index.m3u8", { expiry: in5Minutes });
    expect(text).toContain("#EXT-X-STREAM-INF:BANDWIDTH=");
    expect(text).not.toContain("#EXTINF");
    const [, query] = /index\.m3u8\?(.*)/.exec(text) ?? [];
    expect(query).toMatch(/^list=\d+\.[\w-]{22}$/);
  });

  it("are not needed for an entry that will not change, which is served as it is, one round trip sooner", async () => {
    const stage = await playlistStage({ "film/index.m3u8": media });
    expect(await stage.text(ann, "index.m3u8", { expiry: in5Minutes })).toContain("#EXTINF");
  });

  it("are in a multivariant playlist around an entry whose segments CloudFront serves, where players find fresh URLs", async () => {
    const stage = await playlistStage({ "cloud/index.m3u8": media });
    const viewer = { ...ann, asset: "cloud" };
    expect(await stage.text(viewer, "index.m3u8", { expiry: in5Minutes })).toContain("#EXT-X-STREAM-INF:BANDWIDTH=");
  });

  it("lead to the media playlist itself", async () => {
    const stage = await playlistStage({ "film/index.m3u8": media });
    expect(await stage.text(ann, "index.m3u8")).toContain("#EXTINF");
  });
});

describe("the origin", () => {
  it("is asked again for an unchanging playlist every 10 s, with its ETag", async () => {
    const stage = await playlistStage({ "film/low/index.m3u8": media });
    await stage.text(ann, "low/index.m3u8");
    stage.state.now = timeAfter(now, seconds(9));
    await stage.text(ann, "low/index.m3u8");
    expect(stage.requests).toHaveLength(1);
    stage.state.now = timeAfter(now, seconds(10));
    await stage.text(ann, "low/index.m3u8");
    expect(stage.requests.map(({ ifNoneMatch }) => typeof ifNoneMatch)).toEqual(["undefined", "string"]);
    stage.state.now = timeAfter(now, seconds(19)); // unchanged, and so as fresh as a new one
    await stage.text(ann, "low/index.m3u8");
    expect(stage.requests).toHaveLength(2);
  });

  it("is asked again for a live playlist every second", async () => {
    const stage = await playlistStage({
      "film/low/index.m3u8": media.replace("#EXT-X-ENDLIST\n", "").replace("#EXT-X-PLAYLIST-TYPE:VOD\n", ""),
    });
    await stage.text(ann, "low/index.m3u8");
    await stage.text(bob, "low/index.m3u8");
    expect(stage.requests).toHaveLength(1);
    stage.state.now = timeAfter(now, seconds(1));
    await stage.text(ann, "low/index.m3u8");
    expect(stage.requests).toHaveLength(2);
  });

  it("provides the multivariant playlist's variables to a playlist that imports them", async () => {
    const stage = await playlistStage({
      "film/index.m3u8": `#EXTM3U\n#EXT-X-DEFINE:NAME="folder",VALUE="take-2"\n${multivariant.slice(8)}`,
      "film/low/index.m3u8": media
        .replace("#EXTINF", '#EXT-X-DEFINE:IMPORT="folder"\n#EXTINF')
        .replace("0.ts", "{$folder}/0.ts"),
    });
    expect(await stage.text(ann, "low/index.m3u8")).toContain("\ntake-2/0.ts?seg=");
  });
});

describe("a rendition whose URI players read in different ways", () => {
  it("is left out and logged without its URI", async () => {
    const bad = '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="x",URI="secret.m3u8"d,X="e"';
    const stage = await playlistStage({ "film/index.m3u8": `${multivariant}${bad}\n` });
    expect(await stage.text(ann, "index.m3u8")).not.toContain("EXT-X-MEDIA");
    await stage.text(bob, "index.m3u8");
    expect(stage.refusals).toEqual([
      {
        code: "playlist_invalid",
        reason: expect.stringMatching(/^film: 1 unreadable renditions were left out: EXT-X-MEDIA: /),
      },
    ]);
    expect(JSON.stringify(stage.refusals)).not.toContain("secret");
  });
});

describe("a low-latency playlist", () => {
  it("gives a preload hint the URL of the part that it announces, even across a step and a blocking reload", async () => {
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

  it("has a rendition report whose URL is bound to the viewer and whose other bytes are unchanged", async () => {
    const stage = await playlistStage({ "film/low/index.m3u8": ll(10, "", "11.0.m4s") });
    const report = (text: string) => /REPORT:URI="([^"]*)"/.exec(text)?.[1];
    const [a, b] = [report(await stage.text(ann, "low/index.m3u8")), report(await stage.text(bob, "low/index.m3u8"))];
    expect(a).toMatch(/^\.\.\/high\/index\.m3u8\?list=/);
    expect(await stage.text(ann, "low/index.m3u8")).toContain(`"${a}",LAST-MSN=10,LAST-PART=1\n`);
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

  const cloud = { "cloud/index.m3u8": multivariant, "cloud/low/index.m3u8": media };
  const expiriesIn = (text: string) => [...text.matchAll(/Expires=(\d+)/g)].map(([, expires]) => Number(expires));

  it("has no URL that outlives a session that ends before the film, and is the same for all sessions that end in one step", async () => {
    const stage = await playlistStage(cloud);
    const endingIn = (length: number) =>
      stage.text({ ...ann, asset: "cloud", sessionExpiry: timeAfter(now, seconds(length)) }, "low/index.m3u8");
    const text = await endingIn(60); // the steps end 20 s and 50 s after `now`
    expect(expiriesIn(text)).toEqual([now + 50, now + 50]);
    expect(await endingIn(79)).toBe(text);
    expect(expiriesIn(await endingIn(80))).toEqual([now + 80, now + 80]);
  });

  it("has URLs that last to the very end of a session that has no whole step left", async () => {
    const stage = await playlistStage(cloud);
    for (const length of [15, 25, 49]) {
      const sessionExpiry = timeAfter(now, seconds(length));
      const text = await stage.text({ ...ann, asset: "cloud", sessionExpiry }, "low/index.m3u8");
      expect(expiriesIn(text)).toEqual([sessionExpiry, sessionExpiry]);
    }
  });

  it("is rendered once for all sessions that outlive its segments, whatever playlists it names", async () => {
    const report = '#EXT-X-RENDITION-REPORT:URI="../high/index.m3u8"\n';
    const stage = await playlistStage({ ...cloud, "cloud/low/index.m3u8": media + report });
    const renderedFor = async (length: number) => {
      const sessionExpiry = timeAfter(now, seconds(length));
      await stage.text({ ...ann, asset: "cloud", sessionExpiry }, "low/index.m3u8");
      return stage.shelf.get("r2:MEDIA:cloud/low/index.m3u8?")?.compiled.renderings.weight;
    };
    const one = await renderedFor(1000);
    expect(one).toBeGreaterThan(0);
    expect(await renderedFor(2000)).toBe(one);
  });

  it("has no part that outlives the session, although a part's URL gets one more step", async () => {
    const stage = await playlistStage({ ...cloud, "cloud/low/index.m3u8": ll(10, "", "11.0.m4s") });
    const sessionExpiry = timeAfter(now, seconds(60));
    const text = await stage.text({ ...ann, asset: "cloud", sessionExpiry }, "low/index.m3u8");
    expect(Math.max(...expiriesIn(text))).toBeLessThanOrEqual(sessionExpiry);
  });

  it("has no policy that outlives its segments, whatever playlists it names", async () => {
    const report = '#EXT-X-RENDITION-REPORT:URI="../high/index.m3u8"\n';
    const stage = await playlistStage({ ...cloud, "cloud/low/index.m3u8": media + report });
    const cloudfront = { keyPairId: "K2", url: "https://d1.cloudfront.net", policy: "custom" };
    stage.state.assets = [assetOf("cloud", { cdn: "cloudfront-signed", cloudfront })];
    const text = await stage.text({ ...ann, asset: "cloud" }, "low/index.m3u8");
    const [, policy = ""] = /Policy=([^&]+)/.exec(text) ?? [];
    const ends = /"AWS:EpochTime":(\d+)/.exec(
      atob(policy.replaceAll("-", "+").replaceAll("_", "=").replaceAll("~", "/")),
    );
    expect(Number(ends?.[1])).toBeLessThan(now + 400);
  });

  it("is refused, not half signed, if the ring has no key for it", async () => {
    const stage = await playlistStage({ "keyless/index.m3u8": multivariant, "keyless/low/index.m3u8": media });
    const result = await stage.load({ ...ann, asset: "keyless" }, "low/index.m3u8");
    expect(result).toMatchObject({ ok: false, refusal: { code: "configuration_invalid" } });
  });
});

describe("the manifest worker", () => {
  it("refuses an expired URL and never redirects it", async () => {
    const stage = await playlistStage({ "film/low/index.m3u8": media });
    stage.state.now = timeAfter(in5Minutes, seconds(0));
    const result = await stage.load(ann, "low/index.m3u8", { expiry: in5Minutes });
    expect(result).toMatchObject({ ok: false, refusal: { code: "signature_expired" } });
    expect(stage.requests).toHaveLength(0);
  });

  it.each([
    ["a missing file", {}, "object_unknown"],
    ["a file that is not a playlist", { "film/low/index.m3u8": "<html>" }, "playlist_invalid"],
    [
      "a playlist that leads to another host",
      { "film/low/index.m3u8": media.replace("0.ts", "https://elsewhere.example/0.ts") },
      "uri_foreign",
    ],
    [
      "a playlist that leads out of the asset",
      { "film/low/index.m3u8": media.replace("0.ts", "../../other/0.ts") },
      "uri_foreign",
    ],
    ["more than 4 MiB", { "film/low/index.m3u8": `#EXTM3U\n#${"x".repeat(4 * 1024 * 1024)}` }, "playlist_too_large"],
  ])("refuses %s", async (_, files, code) => {
    const stage = await playlistStage(files);
    expect(await stage.load(ann, "low/index.m3u8")).toMatchObject({ ok: false, refusal: { code } });
  });

  it("refuses a segment's URL, even a valid one", async () => {
    const stage = await playlistStage({ "film/low/0.ts": "bytes", "film/low/index.m3u8": media });
    for (const rest of ["low/0.ts", "low/index.m3u8"]) {
      const result = await stage.load(ann, rest, { purpose: "segment" });
      expect(result).toMatchObject({ ok: false, refusal: { code: "signature_missing" } });
    }
    expect(stage.requests).toHaveLength(0);
  });
});

describe("the response", () => {
  it("is not cacheable, and its URL is not sent to other hosts", async () => {
    const stage = await playlistStage({ "film/low/index.m3u8": media });
    const result = await stage.load(ann, "low/index.m3u8");
    if (!result.ok) throw new Error(result.refusal.code);
    const { headers } = result.value;
    expect(headers.get("Referrer-Policy")).toBe("no-referrer");
    expect(headers.get("Cache-Control")).toBe("no-store");
    expect(headers.get("Content-Type")).toBe("application/vnd.apple.mpegurl");
  });

  it("to HEAD has the headers of GET and no body", async () => {
    const stage = await playlistStage({ "film/low/index.m3u8": media });
    const head = await stage.load(ann, "low/index.m3u8", { method: "HEAD" });
    const whole = await stage.text(ann, "low/index.m3u8");
    if (!head.ok) throw new Error(head.refusal.code);
    expect(head.value.headers.get("content-length")).toBe(String(whole.length));
    expect(await head.value.text()).toBe("");
  });
});

describe("a JSON document that a playlist links to", () => {
  const list = '{ "ASSETS": [{ "URI": "../ad/index.m3u8", "DURATION": 6 }, { "URI": "spot.mp4" }] }';

  it("is signed for this viewer with whole URLs, and is served as JSON", async () => {
    const stage = await playlistStage({ "film/ads/list.json": list });
    const result = await stage.load(ann, "ads/list.json");
    if (!result.ok) throw new Error(result.refusal.code);
    expect(result.value.headers.get("Content-Type")).toBe("application/json");
    const [playlist, file] = JSON.parse(await result.value.text()).ASSETS;
    expect(playlist.URI).toMatch(/^https:\/\/media\.example\/[\w-]+\/film\/ad\/index\.m3u8\?list=\d{10}\.[\w-]{22}$/);
    expect(file.URI).toMatch(/^https:\/\/media\.example\/[\w-]+\/film\/ads\/spot\.mp4\?seg=\d{10}\.[\w-]{22}$/);
    expect(await stage.text(bob, "ads/list.json")).not.toContain(new URL(playlist.URI).pathname);
    expect(stage.requests).toHaveLength(1);
  });

  it("is refused if its links cannot be determined", async () => {
    const stage = await playlistStage({ "film/ads/list.json": '{ "ASSETS": "https://elsewhere.example/" ' });
    expect(await stage.load(ann, "ads/list.json")).toMatchObject({ ok: false, refusal: { code: "playlist_invalid" } });
  });
});
