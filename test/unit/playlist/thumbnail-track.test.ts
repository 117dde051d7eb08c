import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { utf8 } from "../../../src/base/encoding.ts";
import { bytesText, textBytes } from "../../../src/base/lossless-text.ts";
import { ok, refusal } from "../../../src/base/result.ts";
import type { Place } from "../../../src/playlist/reference.ts";
import { signThumbnailTrack } from "../../../src/playlist/thumbnail-track.ts";

const place: Place = {
  prefix: "/film/",
  path: "/film/thumbs/en/track.vtt",
  base: "/films/42/thumbs/en/track.vtt",
  originHost: "origin.example",
  originPath: "/films/42/",
  mediaHost: "media.example",
  allowedHosts: new Set(["ads.example"]),
  allowedSchemes: new Set(),
};

/** The signed track, or the code of its refusal. Only images of the folder `thumbs` are allowed. */
function sign(text: string): string {
  const result = signThumbnailTrack(text, place, ({ path, query }) =>
    path.startsWith("/film/thumbs/")
      ? ok(`${query === "" ? "" : `${query}&`}file=SIGNED`)
      : refusal("file_forbidden", ""),
  );
  return result.ok ? result.value : result.refusal.code;
}

const cue = (line: string) => `WEBVTT\n\n00:00.000 --> 00:05.000\n${line}\n`;
const signedLine = (line: string) => sign(cue(line)).split("\n")[3] ?? "";

describe("a thumbnail track", () => {
  it.each([
    ["sprite.jpg#xywh=0,0,160,90", "sprite.jpg?file=SIGNED#xywh=0,0,160,90"],
    ["../0.png", "../0.png?file=SIGNED"],
    ["hd/a b.jpg#xywh=0,0,1,1", "hd/a%20b.jpg?file=SIGNED#xywh=0,0,1,1"],
    ["./sprite.webp", "./sprite.webp?file=SIGNED"],
    ["sprite.jpg?v=2#xywh=percent:0,0,50,50", "sprite.jpg?v=2&file=SIGNED#xywh=percent:0,0,50,50"],
    ["/films/42/thumbs/1.jpg", "../1.jpg?file=SIGNED"],
    ["https://origin.example/films/42/thumbs/1.jpg#xywh=1,2,3,4", "../1.jpg?file=SIGNED#xywh=1,2,3,4"],
    ["//origin.example/films/42/thumbs/1.jpg", "../1.jpg?file=SIGNED"],
    ["https://media.example/film/thumbs/1.jpg", "../1.jpg?file=SIGNED"],
    ["frame#xywh=0,0,1,1", "frame?file=SIGNED#xywh=0,0,1,1"],
    ["https://ads.example/1.jpg", "https://ads.example/1.jpg"],
    ["data:image/png;base64,AA.png", "data:image/png;base64,AA.png"],
    ["  sprite.jpg\t", "  sprite.jpg?file=SIGNED\t"],
    ["The first half", "The first half"],
    ["<v Ann>look at photo.jpg", "<v Ann>look at photo.jpg"],
    ['{"img": "a.jpg"}', '{"img": "a.jpg"}'],
    ["see photo.jpg", "see photo.jpg"],
    ["photo.txt", "photo.txt"],
    ["/films/42/photo.jpg", "/films/42/photo.jpg"],
    ["../../www.example.com/a.png", "../../www.example.com/a.png"],
  ])("has the cue %j as %j", (line, expected) => {
    expect(signedLine(line)).toBe(expected);
  });

  it.each([
    ["another host", "https://evil.example/1.jpg", "uri_foreign"],
    ["a path above the asset", "../../../43/1.jpg", "uri_foreign"],
    ["an absolute path outside the asset", "/secret/1.jpg", "uri_foreign"],
    ["user info", "https://a@origin.example/films/42/thumbs/1.jpg", "uri_foreign"],
    ["a script", "javascript:x.jpg", "uri_foreign"],
    ["a backslash", "..\\1.jpg", "playlist_invalid"],
    ["a control character", "a\u0001.jpg", "playlist_invalid"],
    ["a scheme without a host", "https:1.jpg", "playlist_invalid"],
    ["a sprite that the globs do not allow", "/films/42/other/1.jpg#xywh=0,0,1,1", "file_forbidden"],
    ["a URL that the globs do not allow", "https://origin.example/films/42/other/1.jpg", "file_forbidden"],
    ["the same without its scheme", "//origin.example/films/42/other/1.jpg", "file_forbidden"],
    ["a query that looks like a download's name", "1.jpg?download=x", "playlist_invalid"],
    ["a dot segment behind an escape", "%2e%2e/%2e%2e/%2e%2e/1.jpg", "uri_foreign"],
  ])("is refused with %s in a cue", (_, line, code) => {
    expect(sign(cue(line))).toBe(code);
  });

  it.each(["", "#EXTM3U\n", "WEBVTTx\n", " WEBVTT\n", "\n\nWEBVTT\n", "<MPD/>"])(
    "is refused if it is not WebVTT: %j",
    (text) => {
      expect(sign(text)).toBe("playlist_invalid");
    },
  );

  it("changes nothing outside its cues", () => {
    const text =
      "\ufeffWEBVTT - a.jpg\nX: b.jpg\n\nNOTE\nc.jpg\n\nSTYLE\n::cue{}\n\nid.jpg\n00:00.000 --> 00:01.000\nd.jpg\n\ne.jpg";
    expect(sign(text)).toBe(text.replace("\nd.jpg", "\nd.jpg?file=SIGNED"));
  });

  it("signs only a cue whose whole text is one URI", () => {
    const one = "0:0 --> 0:1\nsprite.jpg";
    const two = "0:0 --> 0:1\nsee\nsprite.jpg#xywh=0,0,1,1";
    const blank = "0:0 --> 0:1\n \nsprite.jpg\n\t";
    const text = `WEBVTT\n\n${two}\n\n${one}\n${one}\n\n${blank}\n\n${two}\nmore\n\n${one}`;
    expect(sign(text)).toBe(text.replaceAll(/(?<!see\n)sprite\.jpg/g, "sprite.jpg?file=SIGNED"));
  });

  it("signs each sprite once, and at most five thousand", () => {
    let calls = 0;
    const lines = (count: number, name: (i: number) => string) =>
      `WEBVTT\n\n${Array.from({ length: count }, (_, i) => `0:0 --> 0:1\n${name(i)}\n\n`).join("")}`;
    signThumbnailTrack(
      lines(9000, (i) => `sprite.jpg#xywh=${i},0,1,1`),
      place,
      () => {
        calls++;
        return ok("file=SIGNED");
      },
    );
    expect(calls).toBe(1);
    expect(sign(lines(5001, (i) => `${i}.jpg`))).toBe("playlist_too_large");
  });

  it("is otherwise unchanged, byte by byte, whatever its lines and line ends are", () => {
    const line = fc.oneof(
      fc.constantFrom(
        "",
        "sprite.jpg",
        "a/b.png#xywh=0,0,1,1",
        "00:00 --> 00:01",
        "text",
        "NOTE",
        "x.gif?v=1",
        "WEBVTT",
      ),
      fc.string({ maxLength: 12 }).map((text) => text.replace(/[\r\n]/g, "")),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(line, fc.constantFrom("\n", "\r", "\r\n")), { maxLength: 20 }), (lines) => {
        const text = `WEBVTT\n${lines.map((pair) => pair.join("")).join("")}`;
        const signed = sign(text);
        if (/^(playlist_invalid|uri_foreign|file_forbidden)$/.test(signed)) return;
        expect(signed.replace(/(?:\?|&)file=SIGNED/g, "")).toBe(text);
      }),
    );
  });

  it("keeps bytes that are not UTF-8, and never throws on hostile input", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), (bytes) => {
        const text = `WEBVTT\n\n0:0 --> 0:1\n${bytesText(new Uint8Array(bytes))}`;
        const signed = sign(text);
        if (signed === text)
          expect(textBytes(signed).slice(-bytes.length || Infinity)).toEqual(
            textBytes(text).slice(-bytes.length || Infinity),
          );
      }),
    );
    expect(textBytes(sign(bytesText(Uint8Array.of(...utf8("WEBVTT\n\n0 --> 1\n"), 0xe7))))).toEqual(
      Uint8Array.of(...utf8("WEBVTT\n\n0 --> 1\n"), 0xe7),
    );
  });
});

describe("a track of four megabytes of one thing", () => {
  const size = 4 * 1024 * 1024;
  it.each([
    ["marks of a fragment", "#".repeat(size), "####"],
    ["cues with one sprite", "/films/42/thumbs/a.jpg\n\n0:0-->0:1\n".repeat(size / 36), "playlist_too_large"],
    ["blanks", " ".repeat(size), "    "],
  ])("is accepted or refused in time: %s", (_, lines, expected) => {
    const text = sign(cue(lines));
    expect(text.startsWith("WEBVTT") ? text.slice(33, 37) : text).toBe(expected);
  });
});
