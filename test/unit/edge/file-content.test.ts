import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { utf8 } from "../../../src/base/encoding.ts";
import { contentFault, headLength } from "../../../src/edge/file-content.ts";

const faultOf = (head: Uint8Array, contentType = "image/jpeg", size: number | undefined = head.length) =>
  contentFault({ head, size, contentType });

/** A box of ISO/IEC 14496-12. */
function box(type: string, ...bodies: readonly Uint8Array[]): Uint8Array {
  const length = bodies.reduce((sum, body) => sum + body.length, 8);
  const bytes = new Uint8Array(length);
  new DataView(bytes.buffer).setUint32(0, length);
  bytes.set(utf8(type), 4);
  let at = 8;
  for (const body of bodies) {
    bytes.set(body, at);
    at += body.length;
  }
  return bytes;
}

const joined = (...parts: readonly Uint8Array[]) => new Uint8Array(parts.flatMap((part) => [...part]));
const bytes = (length: number, value = 1) => new Uint8Array(length).fill(value);
const ftyp = box("ftyp", bytes(12));
const progressive = box("moov", box("mvhd", bytes(100)), box("trak", box("stbl", bytes(5000))));
const fragmented = box("moov", box("mvhd", bytes(100)), box("trak", bytes(5000)), box("mvex", box("trex", bytes(24))));
const packets = (length: number, first = 0) => {
  const stream = bytes(length * 4, 0xff);
  for (let at = first; at < stream.length; at += length) stream[at] = 0x47;
  return stream;
};
const utf16 = (text: string, little: boolean) =>
  new Uint8Array([...text].flatMap((letter) => (little ? [letter.charCodeAt(0), 0] : [0, letter.charCodeAt(0)])));

describe("a file that is never served through a file URL", () => {
  it.each([
    ["a playlist", utf8("#EXTM3U\n#EXTINF:4,\n0.ts\n")],
    ["a playlist after a byte order mark", utf8("\ufeff#EXTM3U\n")],
    ["a playlist after blank lines", utf8("\r\n \t#EXTM3U\n")],
    ["a playlist after 60,000 bytes of white space", utf8(`${" ".repeat(30_000)}${"\u3000".repeat(10_000)}#EXTM3U\n`)],
    ["a playlist after two byte order marks", utf8("\ufeff\ufeff#EXTM3U\n")],
    ["a playlist after a blank of Latin-1", joined(Uint8Array.of(0xa0), utf8("#EXTM3U\n"))],
    ["a playlist after zeros", utf8("\0\0#EXTM3U\n")],
    ["white space as far as it is judged", bytes(headLength, 0x20)],
    ["almost only white space as far as it is judged", joined(bytes(headLength - 5, 0x0a), utf8("#EXT"), bytes(9))],
    ["an MPD after 9,000 blank lines", utf8(`${"\n".repeat(9000)}<MPD>`)],
    ["a playlist in UTF-16 after blanks", utf16("  \n#EXTM3U\n", false)],
    ["a playlist in lower case, as lenient players accept it", utf8("#extm3u\n")],
    ["an MPD", utf8('<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011">')],
    ["an MPD with a prefix, after comments", utf8("<!-- a > b -->\n<!DOCTYPE MPD>\n<dash:MPD >")],
    ["an MPD behind a long comment", utf8(`<!--${"x".repeat(20_000)}--><MPD>`)],
    ["an MPD behind an internal subset", utf8('<!DOCTYPE MPD [<!ENTITY a "<html>">]><MPD/>')],
    ["a Smooth Streaming manifest", utf8("<SmoothStreamingMedia MajorVersion='2'>")],
    ["a playlist in UTF-16 with a byte order mark", joined(Uint8Array.of(0xff, 0xfe), utf16("#EXTM3U\n", true))],
    ["a playlist in UTF-16", utf16("#EXTM3U\n", true)],
    ["an MPD in UTF-16, big endian", utf16("<MPD>", false)],
    ["16 bytes, as a key", bytes(16, 0xd8)],
    ["16 bytes of a JPEG's name", utf8("0123456789abcdef")],
    ["32 bytes, as a key of AES-256", bytes(32, 0xd8)],
    ["MPEG-TS", packets(188)],
    ["MPEG-TS with time stamps", packets(192, 4)],
    ["a fragment", joined(box("styp", bytes(8)), box("moof", bytes(100)))],
    ["a fragment without a type", joined(box("moof", bytes(100)), box("mdat", bytes(9)))],
    ["a fragment after an event", joined(box("emsg", bytes(40)), box("moof", bytes(100)))],
    ["an initialisation section", joined(ftyp, fragmented)],
    ["a fragmented film with a free box in front", joined(ftyp, box("free", bytes(64)), fragmented)],
    ["a segment index", joined(ftyp, progressive, box("sidx", bytes(32)))],
    [
      "packed audio of HLS",
      joined(utf8("ID3"), utf8("PRIV....com.apple.streaming.transportStreamTimestamp\0"), bytes(300)),
    ],
  ])("is %s, whatever its name and content type", (_, head) => {
    for (const type of ["image/jpeg", "text/vtt", "video/mp4", "application/octet-stream"])
      expect(faultOf(head.subarray(0, headLength), type)).toEqual(expect.any(String));
  });

  it.each([
    "application/vnd.apple.mpegurl",
    "Audio/MPEGURL; charset=utf-8",
    "application/x-mpegURL",
    "audio/x-mpegurl",
    " application/dash+xml",
    "application/vnd.ms-sstr+xml",
    "video/MP2T",
    "video/iso.segment",
    "audio/mpegurl, text/plain",
  ])("has the content type %j", (type) => {
    expect(faultOf(bytes(100, 0xd8), type)).toMatch(/content type/);
  });
});

describe("a file that no playlist names", () => {
  it.each([
    ["a JPEG", joined(Uint8Array.of(0xff, 0xd8, 0xff, 0xe0), bytes(400)), "image/jpeg"],
    ["a PNG", joined(Uint8Array.of(0x89, 0x50, 0x4e, 0x47), bytes(400)), "image/png"],
    ["a GIF", joined(utf8("GIF89a"), bytes(400, 0x20)), "image/gif"],
    ["a short GIF", joined(utf8("GIF89a"), bytes(20)), "image/gif"],
    ["a WebVTT track", utf8("WEBVTT\n\n00:00.000 --> 00:05.000\nsprite.jpg#xywh=0,0,160,90\n"), "text/vtt"],
    ["a progressive MP4 with its moov in front", joined(ftyp, progressive, box("mdat", bytes(900))), "video/mp4"],
    ["a progressive MP4 with its moov at the end", joined(ftyp, box("mdat", bytes(900)), progressive), "video/mp4"],
    ["an AVIF image", joined(box("ftyp", utf8("avif\0\0\0\0")), box("meta", bytes(90))), "image/avif"],
    ["an MP3", joined(utf8("ID3"), bytes(400)), "audio/mpeg"],
    ["an SVG", utf8('<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"></svg>'), "image/svg+xml"],
    ["TTML", utf8('<tt xml:lang="de" xmlns="http://www.w3.org/ns/ttml"></tt>'), "application/ttml+xml"],
    ["plain text", utf8("A text about #EXTM3U and <MPD>."), "text/plain"],
    ["an empty file", new Uint8Array(0), "text/plain"],
    ["17 bytes", bytes(17), "image/png"],
    ["33 bytes", bytes(33), "image/png"],
    [
      "an MP4 whose first box has 60 bytes",
      joined(box("ftyp", bytes(52)), box("mdat", bytes(90)), progressive),
      "video/mp4",
    ],
    ["a short text of white space", bytes(400, 0x20), "text/plain"],
  ])("may be %s", (_, head, type) => {
    expect(faultOf(head, type)).toBeUndefined();
  });

  it("is not a playlist with bytes in front that players skip", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^\s{0,40}$/), fc.string(), (front, rest) => {
        expect(faultOf(utf8(`${front}#EXTM3U${rest}`), "image/jpeg")).toBeDefined();
        expect(faultOf(utf8(`${front}<MPD ${rest}`), "image/jpeg")).toBeDefined();
      }),
    );
  });

  it("is judged without an exception, whatever the bytes are", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.string(), (head, type) => {
        const fault = faultOf(head, type);
        if (head.length === 16 || head.length === 32) expect(fault).toBeDefined();
      }),
    );
  });
});
