import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { uriAttributes } from "../../../src/playlist/tags.ts";
import { oracle } from "./oracle.ts";
import { rewrite } from "./sample.ts";

const runs = { numRuns: 400 };

/** A path that is already canonical, so that its bytes stay, and not a number, which the oracle would parse. */
const canonicalUri = fc
  .tuple(
    fc.constantFrom("", "./", "../", "a/", "../../film/x/"),
    fc.stringMatching(/^[A-Za-z_~][A-Za-z0-9._~!$&'()*+=@-]{0,9}$/),
    fc.constantFrom("", "?v=1", "?a=b&c"),
  )
  .map((parts) => parts.join(""));

/** URIs that pass without a signature. */
const passingUri = fc.constantFrom("https://ads.example/a.ts?x=1", "skd://key", "urn:uuid:1");

const uri = fc.oneof({ weight: 6, arbitrary: canonicalUri }, { weight: 1, arbitrary: passingUri });
const blank = fc.constantFrom("", "", "", " ", "\t");
const lineEnd = fc.constantFrom("\n", "\n", "\n", "\r\n", "\n\n", " \n");

const idle = fc.constantFrom(
  "# a comment, URI=a.ts",
  '#EXT-X-VENDOR:URI="a.ts"',
  '#EXT-X-DATERANGE:ID="a, b=c",X-COM-NOTE="URI=x"',
  "#EXT-X-DISCONTINUITY",
  "#EXT-X-PROGRAM-DATE-TIME:2030-01-01T00:00:00Z",
  "#EXT-X-KEY:METHOD=NONE",
  "",
);

function tagLine(names: readonly string[]): fc.Arbitrary<string> {
  const tags = [...uriAttributes].filter(([tag]) => names.includes(tag));
  const pairs = tags.flatMap(([tag, roles]) => [...roles.keys()].map((attribute) => ({ tag, attribute })));
  const others = fc.constantFrom("", 'X-A="1,URI=b"', "X-B=2", 'TYPE=AUDIO,GROUP-ID="g",NAME="n"', "METHOD=AES-128");
  return fc
    .tuple(fc.constantFrom(...pairs), others, blank, uri, others, fc.nat(99))
    .map(([pair, before, space, value, after, n]) => {
      const named = before.replace('NAME="n"', `NAME="n${n}"`);
      const list = [named, `${space}${pair.attribute}="${value}"`, after.includes("TYPE") ? "" : after];
      return `${pair.tag}:${list.filter((part) => part !== "").join(",")}`;
    });
}

const segmentLines = fc
  .tuple(fc.double({ min: 0.1, max: 20, noNaN: true }), uri, blank)
  .map(([duration, value, space]) => {
    return `#EXTINF:${duration.toFixed(3)},title\n${space}${value}${space}`;
  });

const mediaPlaylist = playlist(
  fc.oneof(
    segmentLines,
    segmentLines,
    idle,
    tagLine([
      "#EXT-X-PART",
      "#EXT-X-MAP",
      "#EXT-X-KEY",
      "#EXT-X-PRELOAD-HINT",
      "#EXT-X-RENDITION-REPORT",
      "#EXT-X-DATERANGE",
    ]),
  ),
  "#EXT-X-TARGETDURATION:6",
);

const multivariantPlaylist = playlist(
  fc.oneof(
    uri.map((value) => `#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS="a,b"\n# URI\n${value}`),
    idle.filter((line) => !line.includes("KEY")),
    tagLine([
      "#EXT-X-MEDIA",
      "#EXT-X-I-FRAME-STREAM-INF",
      "#EXT-X-IMAGE-STREAM-INF",
      "#EXT-X-SESSION-DATA",
      "#EXT-X-SESSION-KEY",
      "#EXT-X-CONTENT-STEERING",
    ]),
  ),
  '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="z",NAME="z"',
);

function playlist(line: fc.Arbitrary<string>, head: string): fc.Arbitrary<string> {
  return fc
    .tuple(
      fc.constantFrom("", "\uFEFF"),
      fc.array(fc.tuple(line, lineEnd), { maxLength: 12 }),
      fc.constantFrom("", "#EXT-X-VENDOR"),
    )
    .map(([bom, lines, tail]) => `${bom}#EXTM3U\n${head}\n${lines.map((pair) => pair.join("")).join("")}${tail}`);
}

const anyPlaylist = fc.oneof(mediaPlaylist, multivariantPlaylist);

/** Removes the signatures of the tests. */
function withoutSignatures(text: string): string {
  return text.replaceAll(/[?&](?:list|seg|key)=SIGNED/g, "");
}

describe("rewriting any mix of real tags", () => {
  test("is lossless: without the signatures the playlist is the original", () => {
    fc.assert(
      fc.property(anyPlaylist, (text) => {
        const rewritten = rewrite(text);
        expect(rewritten).not.toMatch(/^(?:playlist|uri)_/);
        expect(withoutSignatures(rewritten)).toBe(text);
      }),
      runs,
    );
  });

  test("signs every URI that m3u8-parser finds in the result, and none twice", () => {
    fc.assert(
      fc.property(anyPlaylist, (text) => {
        for (const foundUri of oracle(rewrite(text)).uris) {
          const passes = /^(?:skd:|data:|urn:|https:\/\/ads\.example\/)/.test(foundUri);
          expect(foundUri.match(/[?&](?:list|seg|key)=SIGNED$/g) ?? []).toHaveLength(passes ? 0 : 1);
        }
      }),
      runs,
    );
  });

  test("signs every URI attribute of a known tag, even if m3u8-parser ignores the tag", () => {
    fc.assert(
      fc.property(anyPlaylist, (text) => {
        for (const line of rewrite(text).split("\n")) {
          const roles = uriAttributes.get(line.slice(0, line.indexOf(":")));
          for (const [, name = "", value = ""] of line.matchAll(/(?<=[:,]\s*)([A-Z-]+)="([^"]*)"/g)) {
            if (roles?.has(name) && !/^(?:skd:|data:|urn:|https:)/.test(value)) expect(value).toMatch(/=SIGNED$/);
          }
        }
      }),
      runs,
    );
  });

  test("keeps the segments, their order and their durations for m3u8-parser", () => {
    fc.assert(
      fc.property(mediaPlaylist, (text) => {
        const [before, after] = [oracle(text), oracle(rewrite(text))];
        expect(after.durations).toEqual(before.durations);
        expect(after.uris.map(withoutSignatures)).toEqual(before.uris);
      }),
      runs,
    );
  });
});
