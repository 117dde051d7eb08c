import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { leftOutReason } from "../../../src/playlist/left-out.ts";
import { readAsFfmpeg, readAsHlsJs, readAsShaka, readAsVhs, readPlainly } from "../../../src/playlist/readings.ts";
import { bucket, compiled, media, multivariant, rewrite } from "./sample.ts";

const top = { ...bucket, path: "/film/index.m3u8" };
const signed = (text: string) =>
  text.replace("360p/index.m3u8", "360p/index.m3u8?list=SIGNED").replace("a.m3u8", "a.m3u8?list=SIGNED");

/** A variant with audio in a group, and a valid rendition of that group. */
const withAudio = (...lines: string[]) =>
  ["#EXTM3U", ...lines, '#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO="g"', "360p/index.m3u8", ""].join("\n");
const validRendition = '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="g",NAME="b",URI="b.m3u8"';

describe("a defect elsewhere in an attribute list", () => {
  test.each([
    ["an attribute without a value", 'GROUP-ID="g",DEFAULT,AUTOSELECT=YES,URI="a.m3u8"'],
    ["an attribute without a value after the URI", 'GROUP-ID="g",URI="a.m3u8",DEFAULT'],
    ["an attribute without a value right before the URI", 'GROUP-ID="g",DEFAULT,URI="a.m3u8"'],
    ["a comma in a value without quotes", 'GROUP-ID="g",NAME=English, stereo,DEFAULT=YES,URI="a.m3u8"'],
    ["quotes inside of quotes", 'GROUP-ID="g",NAME="The "Best" one",DEFAULT=YES,URI="a.m3u8"'],
    ["quotes inside of quotes after the URI", 'URI="a.m3u8",GROUP-ID="g",NAME="The "Best" one"'],
    ["a missing comma", 'GROUP-ID="g",NAME="English"DEFAULT=YES,LANGUAGE="en",URI="a.m3u8"'],
    ["a missing comma before the URI", 'GROUP-ID="g",NAME="English"URI="a.m3u8"'],
    ["a broken name", 'GROUP-ID="g",@é=1,URI="a.m3u8"'],
    ["an open quote at the end", 'GROUP-ID="g",URI="a.m3u8",NAME="English'],
    ["a URI without quotes", 'GROUP-ID="g",DEFAULT,AUTOSELECT=YES,URI=a.m3u8'],
    ["the URI twice", 'GROUP-ID="g",URI="a.m3u8",DEFAULT,X=Y,URI="a.m3u8"'],
  ])("does not change how a URI is signed: %s", (_, list) => {
    const text = withAudio(`#EXT-X-MEDIA:TYPE=AUDIO,${list}`);
    expect(rewrite(text, top)).toBe(
      text.replaceAll("a.m3u8", "a.m3u8?list=SIGNED").replace("index.m3u8", "index.m3u8?list=SIGNED"),
    );
    expect(compiled(text, top).leftOut).toEqual([]);
  });

  test.each([
    ['#EXT-X-KEY:METHOD=AES-128,URI="k",FOO', '#EXT-X-KEY:METHOD=AES-128,URI="k?key=SIGNED",FOO'],
    ['#EXT-X-MAP:FOO,BYTERANGE="7@0",URI="i"', '#EXT-X-MAP:FOO,BYTERANGE="7@0",URI="i?seg=SIGNED"'],
    ['#EXT-X-PART:DURATION=1,URI="p",GAP', '#EXT-X-PART:DURATION=1,URI="p?seg=SIGNED",GAP'],
    ["#EXT-X-KEY:METHOD=NONE,URI", "#EXT-X-KEY:METHOD=NONE,URI"],
  ])("keeps every other byte of %s", (line, rewritten) => {
    expect(rewrite(media(line))).toBe(media(rewritten));
  });
});

const doubtful = [
  ["two URIs", 'NAME="x",DEFAULT,URI="c.m3u8",URI="d.m3u8"'],
  ["text after the URI", 'NAME="x",URI="c.m3u8"d,X="e"'],
  ["a URI of another host that one player finds", 'NAME="x"URI="c.m3u8",X="y",DEFAULT,URI="https://evil.example/"'],
  ["a URL in another attribute", 'NAME="see https://evil.example",DEFAULT,URI="c.m3u8"'],
  ["an open quote", 'NAME="x",URI="c.m3u8'],
  ["single quotes", "NAME=x,DEFAULT,URI='c.m3u8'"],
  ["a URI in a quoted value after a blank", 'URI="c.m3u8",NAME= "x,URI=https://evil.example/a"'],
  ["a URI after a blank in a value without quotes", 'URI="c.m3u8",NAME=x URI=https://evil.example/a'],
  ["a URI after an escaped quote", 'NAME="a\\",B=",URI=https://evil.example/,C=",URI="c.m3u8"'],
  ["a longer name that a script reads as URI", 'X-URI="https://evil.example/a",URI="c.m3u8"'],
  ["a URI in a last value with a blank after it", 'URI="c.m3u8",NAME="x,URI=https://evil.example/" '],
] as const;

describe("an attribute list in which players find different URIs", () => {
  test.each(doubtful)("removes one rendition, which is reported: %s", (_, list) => {
    for (const line of [
      `#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="g",${list}`,
      `#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,${list}`,
    ]) {
      const text = withAudio(line, validRendition);
      const rest = withAudio(validRendition.replace("b.m3u8", "b.m3u8?list=SIGNED")).replace(
        "index.m3u8",
        "index.m3u8?list=SIGNED",
      );
      expect(rewrite(text, top)).toBe(rest);
      const reason = leftOutReason(compiled(text, top).leftOut);
      expect(reason).toMatch(/^1 unreadable renditions were left out: EXT-X-/);
      expect(reason).not.toMatch(/m3u8|evil/);
    }
  });

  test("removes a rendition with two URIs if one is foreign, and signs both if both are the asset's", () => {
    const two = (second: string) => `#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="g",NAME="x",URI="c.m3u8",URI="${second}"`;
    const rest = withAudio(validRendition.replace("b.m3u8", "b.m3u8?list=SIGNED")).replace(
      "index.m3u8",
      "index.m3u8?list=SIGNED",
    );
    for (const second of ["https://evil.example/b.m3u8", "../../b.m3u8", "javascript:b"]) {
      expect(rewrite(withAudio(two(second), validRendition), top)).toBe(rest);
      expect(leftOutReason(compiled(withAudio(two(second), validRendition), top).leftOut)).toContain(
        "it has two of an attribute",
      );
      expect(rewrite(withAudio(two(second)), top)).toBe("playlist_invalid");
    }
    expect(rewrite(withAudio(two("d.m3u8"), validRendition), top)).toContain(
      'URI="c.m3u8?list=SIGNED",URI="d.m3u8?list=SIGNED"',
    );
    expect(rewrite(media('#EXT-X-KEY:METHOD=AES-128,URI="a",URI="https://evil.example/b"'))).toBe("uri_foreign");
  });

  test("is removed without a byte of the next line, whatever characters end lines", () => {
    const bad = '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="g",NAME="x",URI="c.m3u8"d';
    for (const end of ["\r", "\r\n", "\n", " \r", "\r\r"]) {
      const text = ["#EXTM3U", bad, "# https://evil.example/a", "#EXT-X-STREAM-INF:BANDWIDTH=1", "v.m3u8", ""].join(
        end,
      );
      const lines = rewrite(text, top).split(/[\r\n]+/);
      expect(lines.map((line) => line.trim())).toEqual([
        "#EXTM3U",
        "# https://evil.example/a",
        "#EXT-X-STREAM-INF:BANDWIDTH=1",
        "v.m3u8?list=SIGNED",
        "",
      ]);
    }
  });

  test.each(doubtful)("refuses the playlist if it is a KEY or a MAP: %s", (_, list) => {
    for (const tag of ["#EXT-X-KEY:METHOD=AES-128", "#EXT-X-MAP:BYTERANGE=7"])
      expect(rewrite(media(`${tag},${list.replaceAll("m3u8", "mp4")}`))).toMatch(/^(?:playlist_invalid|uri_foreign)$/);
  });

  test("refuses the playlist if most players find no URI in a KEY or a MAP", () => {
    expect(rewrite(media('#EXT-X-MAP:X,URI="a"'))).toBe("playlist_invalid");
    expect(rewrite(media('#EXT-X-KEY:METHOD=AES-128,X,URI="a"'))).toBe("playlist_invalid");
  });

  test("refuses the playlist if it is the last rendition of a group that a variant names", () => {
    const bad = '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="g",NAME="x",URI="c.m3u8"d,X="e"';
    expect(rewrite(withAudio(bad), top)).toBe("playlist_invalid");
    expect(rewrite(withAudio(bad, validRendition.replace('"g"', '"h"')), top)).toBe("playlist_invalid");
    expect(rewrite(withAudio(bad, validRendition.replace("AUDIO", "SUBTITLES")), top)).toBe("playlist_invalid");
    expect(rewrite(withAudio(bad.replace('GROUP-ID="g",', "")), top)).toBe("playlist_invalid");
    // A group that no variant names, and one that does not exist.
    expect(rewrite(multivariant(bad), top)).toBe(signed(multivariant()));
    expect(rewrite(withAudio(bad.replace('"g"', '"h"')), top)).toBe(signed(withAudio()));
  });
});

test("a longer attribute name after the URI does not change how the URI is signed", () => {
  const line = '#EXT-X-KEY:METHOD=AES-128,URI="k",X-URI="https://a.example/"';
  expect(rewrite(media(line))).toBe(media(line.replace('"k"', '"k?key=SIGNED"')));
});

test("a URI next to a comma with a blank is signed", () => {
  for (const list of ['URI="i.mp4" ,X=1', "URI=i.mp4 ,X=1", ' URI="i.mp4", X=1'])
    expect(rewrite(media(`#EXT-X-MAP:${list}`))).toBe(media(`#EXT-X-MAP:${list.replace("i.mp4", "i.mp4?seg=SIGNED")}`));
});

const pieces = fc.constantFrom(
  ...[
    '"',
    '"',
    '"',
    ",",
    ",",
    "=",
    " ",
    "\t",
    "\\",
    "'",
    "URI",
    "URI=",
    'URI="',
    "NAME=",
    'NAME="',
    "DEFAULT",
    "X-URI=",
  ],
  ...[
    "a.m3u8",
    "b",
    "https://evil.example/",
    "//evil.example/",
    "https://media.example/film/a",
    "\v",
    "\u2028",
    "\u00A0",
  ],
);
const base = "https://media.example/GRANT/film/index.m3u8?list=SIGNED";
const readers = [readAsHlsJs, readAsShaka, readAsVhs, readAsFfmpeg];

test("no player finds another host in a rewritten attribute list, whatever is in it", () => {
  const tags = fc.constantFrom("MEDIA", "MAP", "KEY", "SESSION-DATA");
  fc.assert(
    fc.property(tags, fc.array(pieces, { maxLength: 16 }), (tag, list) => {
      const rewritten = rewrite(`#EXTM3U\n#EXT-X-${tag}:TYPE=AUDIO,${list.join("")}\n`, top);
      const left = rewritten.split("\n").find((line) => line.startsWith(`#EXT-X-${tag}:`)) ?? "";
      const value = left.slice(left.indexOf(":") + 1);
      for (const { name, text } of [...readers.flatMap((read) => read(value) ?? []), ...readPlainly(value, "URI")]) {
        const url = name === "URI" ? URL.parse(text, base) : null;
        if (url !== null && /^https?:$/.test(url.protocol)) expect([value, url.host]).toEqual([value, "media.example"]);
      }
    }),
    { numRuns: 3000 },
  );
});
