import { describe, expect, test } from "vitest";
import { progressOf } from "../../../src/playlist/progress.ts";
import { bucket, compiled, media, multivariant, rewrite } from "./sample.ts";

const top = { ...bucket, path: "/film/index.m3u8" };
const signedVariant = (text: string) => text.replace("360p/index.m3u8", "360p/index.m3u8?list=SIGNED");

describe("a media playlist's tag in a multivariant playlist", () => {
  const strays: [string, string][] = [
    ["#EXT-X-ENDLIST", "#EXT-X-ENDLIST"],
    ["#EXT-X-PLAYLIST-TYPE:VOD", "#EXT-X-PLAYLIST-TYPE:VOD"],
    ["#EXT-X-MEDIA-SEQUENCE:7", "#EXT-X-MEDIA-SEQUENCE:7"],
    ["#EXT-X-TARGETDURATION:4", "#EXT-X-TARGETDURATION:4"],
    ["#EXT-X-TARGETDURATION:", "#EXT-X-TARGETDURATION:"],
    ["#EXT-X-I-FRAMES-ONLY", "#EXT-X-I-FRAMES-ONLY"],
    ["#EXT-X-KEY:METHOD=NONE", "#EXT-X-KEY:METHOD=NONE"],
    ["#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES", "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES"],
    ["#EXT-X-SERVER-CONTROL:CAN-SKIP-UNTIL=9", "#EXT-X-SERVER-CONTROL:CAN-SKIP-UNTIL=9"],
    ["#EXT-X-PART-INF:PART-TARGET=0.5", "#EXT-X-PART-INF:PART-TARGET=0.5"],
    ['#EXT-X-KEY:METHOD=AES-128,URI="k"', '#EXT-X-KEY:METHOD=AES-128,URI="k?key=SIGNED"'],
    ['#EXT-X-MAP:URI="i.mp4"', '#EXT-X-MAP:URI="i.mp4?seg=SIGNED"'],
    ['#EXT-X-PART:DURATION=1,URI="p.mp4"', '#EXT-X-PART:DURATION=1,URI="p.mp4?seg=SIGNED"'],
    ['#EXT-X-RENDITION-REPORT:URI="a.m3u8"', '#EXT-X-RENDITION-REPORT:URI="a.m3u8?list=SIGNED"'],
  ];

  test.each(strays)("keeps its bytes and has its URI signed: %s", (stray, rewritten) => {
    expect(rewrite(multivariant(stray), top)).toBe(signedVariant(multivariant(rewritten)));
    const first = `#EXTM3U\n${stray}\n#EXT-X-STREAM-INF:BANDWIDTH=1\na.m3u8\n`;
    expect(rewrite(first, top)).toBe(first.replace(stray, rewritten).replace("\na.m3u8", "\na.m3u8?list=SIGNED"));
  });

  test.each(strays)("makes the playlist neither live nor blocking: %s", (stray) => {
    const text = multivariant(stray);
    const { kind, live, reloads } = compiled(text, top);
    expect([kind, live, reloads.canBlock, reloads.canSkip]).toEqual(["multivariant", false, false, false]);
    const { live: polled, canBlock, lowLatency } = progressOf(text);
    expect([polled, canBlock, lowLatency]).toEqual([false, false, false]);
  });

  test("gives its URI the lifetime of a file, because there are no segments", () => {
    const lines = ['#EXT-X-KEY:METHOD=AES-128,URI="k"', '#EXT-X-MAP:URI="i"', '#EXT-X-PART:DURATION=1,URI="p"'];
    const { targets } = compiled(multivariant("#EXT-X-TARGETDURATION:4", ...lines), top);
    expect(targets.map(({ path, lifetime }) => [path, lifetime])).toEqual(
      ["360p/index.m3u8", "k", "i", "p"].map((path) => [`/film/${path}`, bucket.fileLifetime]),
    );
  });
});

describe("a multivariant playlist's tag in a media playlist", () => {
  const segments = (...lines: string[]) =>
    media(...lines, "#EXTINF:4,", "0.ts", "#EXTINF:4,", "1.ts", "#EXT-X-ENDLIST");
  const strays: [string, string][] = [
    ['#EXT-X-SESSION-KEY:METHOD=AES-128,URI="k"', '#EXT-X-SESSION-KEY:METHOD=AES-128,URI="k?key=SIGNED"'],
    ['#EXT-X-SESSION-DATA:DATA-ID="a",VALUE="b"', '#EXT-X-SESSION-DATA:DATA-ID="a",VALUE="b"'],
    ['#EXT-X-SESSION-DATA:DATA-ID="a",URI="b.json"', '#EXT-X-SESSION-DATA:DATA-ID="a",URI="b.json?seg=SIGNED"'],
    ['#EXT-X-MEDIA:TYPE=AUDIO,URI="a.m3u8"', '#EXT-X-MEDIA:TYPE=AUDIO,URI="a.m3u8?list=SIGNED"'],
    ['#EXT-X-I-FRAME-STREAM-INF:URI="i.m3u8"', '#EXT-X-I-FRAME-STREAM-INF:URI="i.m3u8?list=SIGNED"'],
    ['#EXT-X-CONTENT-STEERING:SERVER-URI="s"', '#EXT-X-CONTENT-STEERING:SERVER-URI="s?list=SIGNED"'],
  ];

  test.each(strays)("keeps its bytes and has its URI signed: %s", (stray, rewritten) => {
    const signed = segments(rewritten).replace("\n0.ts", "\n0.ts?seg=SIGNED").replace("\n1.ts", "\n1.ts?seg=SIGNED");
    expect(rewrite(segments(stray))).toBe(signed);
  });

  test.each(strays)("does not change lifetimes or liveness: %s", (stray) => {
    const [plain, odd] = [compiled(segments()), compiled(segments(stray))];
    const lifetimes = ({ targets }: typeof plain) =>
      targets.filter(({ path }) => path.endsWith(".ts")).map(({ lifetime }) => lifetime);
    expect(lifetimes(odd)).toEqual(lifetimes(plain));
    expect(odd).toMatchObject({ kind: "media", live: false });
    const live = media(stray, "#EXTINF:4,", "0.ts");
    expect(compiled(live)).toMatchObject({ kind: "media", live: true });
    expect(progressOf(live)).toEqual(progressOf(media("#EXTINF:4,", "0.ts")));
  });

  test("does not make a live playlist that has only parts so far multivariant", () => {
    const text = media('#EXT-X-MEDIA:TYPE=AUDIO,URI="a.m3u8"', '#EXT-X-PART:DURATION=1,URI="p.mp4"');
    expect(compiled(text)).toMatchObject({ kind: "media", live: true });
  });
});

describe("the kind of a playlist", () => {
  test.each([
    [
      "renditions and stray tags",
      '#EXT-X-MEDIA:TYPE=AUDIO,URI="a"\n#EXT-X-TARGETDURATION:4\n#EXT-X-ENDLIST',
      "multivariant",
    ],
    ["I-frame variants and a stray tag", '#EXT-X-I-FRAME-STREAM-INF:URI="i"\n#EXT-X-ENDLIST', "multivariant"],
    ["session tags alone", '#EXT-X-SESSION-DATA:DATA-ID="a",VALUE="b"', "multivariant"],
    [
      "session tags in a live playlist without segments",
      '#EXT-X-TARGETDURATION:4\n#EXT-X-SESSION-KEY:URI="k"',
      "media",
    ],
    ["no tags", "# nothing", "media"],
  ])("follows from its own tags: %s", (_, lines, kind) => {
    expect(compiled(`#EXTM3U\n${lines}\n`).kind).toBe(kind);
  });

  test("is invalid if it has both variants and segments", () => {
    expect(rewrite(multivariant("#EXTINF:4,", "0.ts"))).toBe("playlist_invalid");
    expect(rewrite(media("#EXTINF:4,", "0.ts", "#EXT-X-STREAM-INF:BANDWIDTH=1", "a.m3u8"))).toBe("playlist_invalid");
  });
});
