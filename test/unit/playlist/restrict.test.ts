import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { capOfClass, type QualityCap, qualityClassOf, stricterCap, videoRanges } from "../../../src/base/quality.ts";
import { restrictReports, restrictVariants } from "../../../src/playlist/restrict.ts";
import { bucket, media } from "./sample.ts";

const place = { ...bucket, path: "/film/index.m3u8", base: "/film/index.m3u8" };

const multivariant = (...lines: readonly string[]) => ["#EXTM3U", ...lines, ""].join("\n");
const variant = (uri: string, ...attributes: readonly string[]) => `#EXT-X-STREAM-INF:${attributes.join(",")}\n${uri}`;

function restrict(text: string, cap: QualityCap): string {
  const restricted = restrictVariants(text, cap, place);
  return restricted.ok ? restricted.value.text : restricted.refusal.code;
}

const small = variant(
  "360p.m3u8",
  "BANDWIDTH=800000",
  "RESOLUTION=640x360",
  'CODECS="avc1.4d401e,mp4a.40.2"',
  'AUDIO="lo"',
);
const tall = variant(
  "1080p.m3u8",
  "BANDWIDTH=6000000",
  "RESOLUTION=1920x1080",
  'CODECS="avc1.640028,mp4a.40.2"',
  'AUDIO="hi"',
);
const sound = variant("audio.m3u8", "BANDWIDTH=9000000", 'CODECS="mp4a.40.2"');

describe("a multivariant playlist under a cap", () => {
  it("has no variant, I-frame or image entry above it, and no group that only those name; other bytes stay", () => {
    const low = '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="lo",NAME="a",URI="lo.m3u8"';
    const high = '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="hi",NAME="a",URI="hi.m3u8"';
    const frames = (height: number) =>
      `#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=90000,RESOLUTION=1x${height},URI="i${height}.m3u8"`;
    const images = (height: number) =>
      `#EXT-X-IMAGE-STREAM-INF:BANDWIDTH=9000,RESOLUTION=1x${height},URI="t${height}.m3u8"`;
    const text = multivariant(
      ...["#EXT-X-VERSION:6", "# a comment", low, high, small, tall, sound],
      ...[frames(360), frames(1080), images(180), images(1080)],
    );
    expect(restrict(text, { maxHeight: 720 })).toBe(
      multivariant("#EXT-X-VERSION:6", "# a comment", low, small, sound, frames(360), images(180)),
    );
    expect(restrict(text, { maxHeight: 1080 })).toBe(text);
  });

  it.each<[string, QualityCap, left: readonly string[]]>([
    ["a height", { maxHeight: 360 }, ["plain", "360"]],
    ["a bandwidth", { maxBandwidth: 800_000 }, ["plain", "360"]],
    ["HDR", { excludeVideoRange: ["PQ", "HLG"] }, ["plain", "360", "1080", "bare"]],
    ["SDR", { excludeVideoRange: ["SDR"] }, ["plain", "pq", "hlg"]],
    ["a height and HDR", { maxHeight: 2160, excludeVideoRange: ["PQ"] }, ["plain", "360", "1080", "hlg"]],
  ])("is cut by %s", (_, cap, left) => {
    const text = multivariant(
      variant("plain", "BANDWIDTH=9", 'CODECS="ec-3"'),
      variant("360", "BANDWIDTH=800000", "RESOLUTION=640x360"),
      variant("1080", "BANDWIDTH=6000000", "RESOLUTION=1920x1080", "VIDEO-RANGE=SDR"),
      variant("pq", "BANDWIDTH=6000000", "RESOLUTION=1920x1080", "VIDEO-RANGE=PQ"),
      variant("hlg", "BANDWIDTH=6000000", "RESOLUTION=1920x1080", "VIDEO-RANGE=HLG"),
      variant("new", "BANDWIDTH=6000000", "RESOLUTION=1920x1080", "VIDEO-RANGE=XDR"),
      variant("bare", "BANDWIDTH=6000000"),
    );
    const uris = restrict(text, cap)
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#"));
    expect(uris).toEqual(left);
  });

  it.each([
    ["no RESOLUTION", variant("a.m3u8", "BANDWIDTH=1")],
    ["codecs that are not only sound", variant("a.m3u8", "BANDWIDTH=1", 'CODECS="hvc1.2,mp4a.40.2"')],
    ["two RESOLUTIONs", variant("a.m3u8", "BANDWIDTH=1", "RESOLUTION=9x9", "RESOLUTION=9x2160")],
    ["a list that players read in two ways", variant("a.m3u8", "BANDWIDTH=1", 'RESOLUTION=9x9,X="a"b')],
    ["no tag", "a.m3u8"],
    [
      "two tags",
      `#EXT-X-STREAM-INF:BANDWIDTH=1,RESOLUTION=9x2160\n${variant("a.m3u8", "BANDWIDTH=1", "RESOLUTION=9x9")}`,
    ],
  ])("does not keep a variant with %s", (_, lines) => {
    expect(restrict(multivariant(lines), { maxHeight: 720 })).toBe("quality_unavailable");
    expect(restrict(multivariant(small, lines), { maxHeight: 720 })).toBe(multivariant(small));
  });

  it("keeps no rendition with the URI of a variant that is gone, however it is spelled, and no content steering", () => {
    const same = '#EXT-X-MEDIA:TYPE=VIDEO,GROUP-ID="v",NAME="a",URI="./x/../1080p.m3u8"';
    const steering = '#EXT-X-CONTENT-STEERING:SERVER-URI="steering.json"';
    expect(restrict(multivariant(steering, same, small, tall), { maxHeight: 720 })).toBe(multivariant(small));
  });

  it.each([
    'TYPE=AUDIO,GROUP-ID="hi",NAME="a",URI="hi.m3u8"',
    'TYPE=VIDEO,GROUP-ID="x",NAME="a",URI="lo.m3u8",URI="1080p.m3u8"',
    'TYPE=VIDEO,GROUP-ID="x",NAME="a",URI="1080p.m3u8",X',
  ])("keeps no rendition whose group is gone, or that players could read in two ways: %s", (list) => {
    expect(restrict(multivariant(`#EXT-X-MEDIA:${list}`, small, tall), { maxHeight: 720 })).toBe(multivariant(small));
  });

  it("never has a URI of a variant above the cap, whatever the ladder", () => {
    const one = fc.record({
      height: fc.integer({ min: 1, max: 4320 }),
      bandwidth: fc.integer({ min: 1, max: 1e8 }),
      range: fc.constantFrom(...videoRanges),
    });
    const cap = fc.record({
      maxHeight: fc.integer({ min: 1, max: 4320 }),
      maxBandwidth: fc.integer({ min: 1, max: 1e8 }),
    });
    fc.assert(
      fc.property(
        fc.array(one, { minLength: 1, maxLength: 12 }),
        cap,
        fc.constantFrom("PQ", "HLG"),
        (ladder, given, no) => {
          const lines = ladder.map(({ height, bandwidth, range }, n) =>
            variant(`v${n}.m3u8`, `BANDWIDTH=${bandwidth}`, `RESOLUTION=16x${height}`, `VIDEO-RANGE=${range}`),
          );
          const left = restrict(multivariant(...lines), { ...given, excludeVideoRange: [no] });
          for (const [n, { height, bandwidth, range }] of ladder.entries()) {
            const fits = height <= given.maxHeight && bandwidth <= given.maxBandwidth && range !== no;
            expect(left.includes(`\nv${n}.m3u8\n`)).toBe(fits);
          }
        },
      ),
    );
  });
});

describe("a media playlist under a cap", () => {
  it("has only the reports about playlists that are left", () => {
    const report = (uri: string) => `#EXT-X-RENDITION-REPORT:URI="${uri}",LAST-MSN=9`;
    const text = media("#EXTINF:6,", "0.ts", report("../low.m3u8"), report("../high.m3u8"), report("{$v}.m3u8"));
    const at = { ...bucket, base: "/film/360p/index.m3u8" };
    expect(restrictReports(text, at, ({ path }) => path === "/film/low.m3u8")).toBe(
      media("#EXTINF:6,", "0.ts", report("../low.m3u8")),
    );
  });
});

describe("a quality class", () => {
  const caps: fc.Arbitrary<QualityCap> = fc.record(
    {
      maxHeight: fc.integer({ min: 1, max: 65_535 }),
      maxBandwidth: fc.integer({ min: 1, max: 1e9 }),
      excludeVideoRange: fc.uniqueArray(fc.constantFrom(...videoRanges), { minLength: 1, maxLength: 2 }),
    },
    { requiredKeys: [] },
  );

  it("is one text per cap, and says the cap", () => {
    expect(qualityClassOf({ excludeVideoRange: ["PQ", "HLG"], maxHeight: 720 })).toBe("h720-xhlg-xpq");
    fc.assert(
      fc.property(caps, (cap) => {
        const own = qualityClassOf(cap);
        expect(own).toMatch(/^[a-z0-9-]*$/);
        expect(qualityClassOf(capOfClass(own) ?? {})).toBe(own);
      }),
    );
  });

  it.each(["h0720", "b1-h1", "h720-", "xdr", "h720-h720", "xpq-xhlg", "H720"])("is never spelled %s", (text) => {
    expect(capOfClass(text)).toBeUndefined();
  });

  it("of two caps has the stricter of each limit", () => {
    const both = stricterCap({ maxHeight: 720, excludeVideoRange: ["PQ"] }, { maxHeight: 1080, maxBandwidth: 9 });
    expect(qualityClassOf(both ?? {})).toBe("h720-b9-xpq");
  });
});
