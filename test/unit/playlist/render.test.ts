import { describe, expect, test } from "vitest";
import { seconds } from "../../../src/base/time.ts";
import { expiriesOf } from "../../../src/playlist/expiry-plan.ts";
import { fillPlaylist, renderShared, type SignTarget, wrapMediaPlaylist } from "../../../src/playlist/render.ts";
import type { Target } from "../../../src/playlist/template.ts";
import { compiled, mark, media, now, step } from "./sample.ts";

const text = media(
  '#EXT-X-MAP:URI="a.mp4"',
  "#EXTINF:6,",
  "a.mp4?v=1",
  "#EXTINF:6,",
  "a.mp4?v=1",
  '#EXT-X-RENDITION-REPORT:URI="../b.m3u8?v=2"',
  '#EXT-X-RENDITION-REPORT:URI="/film/b.m3u8?v=2"',
);
const template = compiled(text);
const expiries = expiriesOf(template, now, step);

describe("rendering", () => {
  test("first makes the text that viewers share, with one signature per distinct URL and its expiry", () => {
    const signed: [string, number][] = [];
    const sign: SignTarget = (target, expiry) => {
      signed.push([`${target.purpose} ${target.path}?${target.query}`, expiry - now]);
      return mark(target);
    };
    const shared = renderShared(template, expiries, sign);
    expect(signed).toEqual([
      // The init segment of a playlist that will change is valid until the end of the day.
      ["segment /film/360p/a.mp4?", Math.ceil((now + 30) / 86_400) * 86_400 - now],
      ["segment /film/360p/a.mp4?v=1", 30],
    ]);
    expect(shared.texts).toHaveLength(3);
    expect(shared.targets.map(({ path }) => path)).toEqual(["/film/b.m3u8"]);
  });

  test("then fills in the URLs of other playlists for one viewer, with one signature each", () => {
    const signed: Target[] = [];
    const filled = fillPlaylist(renderShared(template, expiries, mark), (target) => {
      signed.push(target);
      return { query: "list=ANNA" };
    });
    expect(signed).toHaveLength(1);
    expect(filled).toBe(
      text
        .replace('"a.mp4"', '"a.mp4?seg=SIGNED"')
        .replaceAll("a.mp4?v=1", "a.mp4?v=1&seg=SIGNED")
        .replace("../b.m3u8?v=2", "../b.m3u8?v=2&list=ANNA")
        .replace("/film/b.m3u8?v=2", "../b.m3u8?v=2&list=ANNA"),
    );
  });

  test("accepts a whole URI from a signer, for another CDN", () => {
    const shared = renderShared(template, expiries, ({ path }) => ({ uri: `https://cdn.example${path}?Expires=1` }));
    expect(fillPlaylist(shared, mark)).toContain('\n#EXT-X-MAP:URI="https://cdn.example/film/360p/a.mp4?Expires=1"\n');
  });

  test("gives one text for a playlist without other playlists", () => {
    const shared = renderShared(compiled(media("#EXTINF:6,", "0.ts")), [now], mark);
    expect(shared).toEqual({ texts: [media("#EXTINF:6,", "0.ts?seg=SIGNED")], open: [], targets: [] });
  });
});

describe("a wrapped media playlist", () => {
  const entry = { path: "/film/main.m3u8", query: "v=1" };

  test("has one variant: the entry itself, with a URL that lives with the session", () => {
    const shared = wrapMediaPlaylist(compiled(media("#EXTINF:6,", "0.ts")), entry);
    expect(fillPlaylist(shared, mark)).toBe(
      "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=2000000\nmain.m3u8?v=1&list=SIGNED\n",
    );
    expect(shared.targets).toEqual([
      {
        ...entry,
        purpose: "playlist",
        lifetime: seconds(0),
        reusable: false,
        minimum: seconds(0),
        roundTo: seconds(0),
      },
    ]);
  });

  test("repeats the version and EXT-X-INDEPENDENT-SEGMENTS of the entry", () => {
    const media6 = media("#EXT-X-VERSION:6", "#EXT-X-INDEPENDENT-SEGMENTS", "#EXTINF:6,", "0.ts");
    expect(fillPlaylist(wrapMediaPlaylist(compiled(media6), entry), mark)).toContain(
      "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-INDEPENDENT-SEGMENTS\n",
    );
  });

  test.each([
    [
      "the highest rate of its byte ranges",
      8000,
      ["#EXTINF:6,", "#EXT-X-BYTERANGE:6000@0", "a", "#EXTINF:6,", "#EXT-X-BYTERANGE:3000", "a", "#EXTINF:1,", "b"],
    ],
    ["EXT-X-BITRATE", 900_000, ["#EXT-X-BITRATE:800", "#EXTINF:6,", "a", "#EXT-X-BITRATE:900", "#EXTINF:6,", "b"]],
    ["the byte range if both are given", 8000, ["#EXT-X-BITRATE:800", "#EXTINF:6,", "#EXT-X-BYTERANGE:6000@0", "a"]],
    ["the default if no rate is a number", 2_000_000, ["#EXT-X-BITRATE:x", "#EXTINF:0,", "#EXT-X-BYTERANGE:x", "a"]],
  ])("has a BANDWIDTH of %s", (_, bandwidth, lines) => {
    const shared = wrapMediaPlaylist(compiled(media(...lines)), entry);
    expect(shared.texts[0]).toContain(`#EXT-X-STREAM-INF:BANDWIDTH=${bandwidth}\n`);
  });

  test("does not read a colon in a name as a scheme", () => {
    const shared = wrapMediaPlaylist(compiled(media("#EXT-X-ENDLIST")), { path: "/film/a:b.m3u8", query: "" });
    expect(fillPlaylist(shared, mark)).toContain("\n./a:b.m3u8?list=SIGNED\n");
  });
});
