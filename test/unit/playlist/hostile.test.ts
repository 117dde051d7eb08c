import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compilePlaylist } from "../../../src/playlist/compile.ts";
import { foundUris, hasInnerBreak } from "./player-lines.ts";
import { bucket, media, multivariant, render, rewrite } from "./sample.ts";

/** Fragments that a hostile origin or a broken packager might join in any order. */
const fragments = fc.constantFrom(
  "#EXTM3U",
  "\n",
  "\r\n",
  "\r",
  " ",
  "\t",
  ",",
  "=",
  '"',
  "'",
  ":",
  "#",
  "?",
  "&",
  "/",
  "//",
  "\\",
  "..",
  "%2e",
  "%2F",
  "{$",
  "}",
  "{$a}",
  "@",
  ...["\0", "\v", "\f", "\x1C", "\x1F", "\x85", "\u2028", "\u2029", "\uFEFF", "\u00A0"],
  // Bytes that are not UTF-8, and characters whose UTF-8 has the byte 0x85.
  ...["\uDC85", "\uDCE7", "é", "Å", "充", "\u{1F145}"],
  "#EXTINF:6,",
  "#EXTINF:",
  "#EXT-X-STREAM-INF:",
  "#EXT-X-KEY:",
  "#EXT-X-MAP:",
  "#EXT-X-PART:",
  "#EXT-X-MEDIA:",
  "#EXT-X-DATERANGE:",
  "#EXT-X-SKIP:",
  "#EXT-X-ENDLIST",
  "#EXT-X-BYTERANGE:",
  '#EXT-X-DEFINE:NAME="a",VALUE="',
  'URI="',
  "URI=",
  'X-ASSET-URI="',
  "METHOD=NONE",
  "TYPE=__proto__",
  'GROUP-ID="__proto__"',
  'NAME="x"',
  "IV=0x1",
  "DURATION=",
  "SKIPPED-SEGMENTS=",
  "1e999",
  "-1",
  "a.ts",
  "https://evil.example/",
  "https:",
  "https://ads.example",
  ".evil.example/",
  "#EXT-X-DEFINE:",
  'NAME="a\u2028",',
  "https://media.example/film/a",
  "javascript:",
  "skd://x",
);

/** The URL against which a browser resolves the playlist's references. */
const base = "https://media.example/GRANT/film/360p/index.m3u8?list=SIGNED";

describe("the compiler", () => {
  test("never crashes on arbitrary characters", () => {
    fc.assert(
      fc.property(fc.constantFrom("", "#EXTM3U\n"), fc.string({ unit: "binary", maxLength: 300 }), (head, text) => {
        const result = compilePlaylist(head + text, bucket);
        if (!result.ok) expect(result.refusal.code).toMatch(/^(?:playlist_invalid|playlist_too_large|uri_foreign)$/);
      }),
      { numRuns: 400 },
    );
  });

  test.each(["https://evil.example/a", "https://media.example/film/a", "//evil.example/a"])(
    "refuses %s in a value inside another value, in a tag inside a comment",
    (uri) => {
      for (const list of [`X-ASSET-URI="URI=${uri}`, `X-ASSET-URI="URI=${uri}"`, `X-ASSET-URI="a,URI="${uri}"`])
        expect(compilePlaylist(`#EXTM3U\n#c#EXT-X-MAP:${list}`, bucket)).toMatchObject({
          refusal: { code: "uri_foreign" },
        });
    },
  );

  test("lets a browser find only our host and signed paths in arbitrary mixes of fragments", () => {
    fc.assert(
      fc.property(fc.array(fragments, { maxLength: 40 }), (parts) => {
        const result = compilePlaylist(`#EXTM3U\n${parts.join("")}`, bucket);
        if (!result.ok) return;
        const { targets, holes } = result.value;
        for (const { target, reference } of holes) {
          const { host, pathname } = new URL(reference, base);
          expect([host, pathname]).toEqual(["media.example", `/GRANT${targets[target]?.path}`]);
          expect(pathname.startsWith("/GRANT/film/")).toBe(true);
        }
        const rewritten = render(result.value);
        for (const { player, written, absolute, url } of foundUris(rewritten, base)) {
          if (url === undefined || !/^https?:$/.test(url.protocol)) continue;
          expect([player, written, url.host]).toEqual([player, written, absolute ? "ads.example" : "media.example"]);
        }
        if (hasInnerBreak(rewritten)) return;
        for (const line of rewritten.split("\n")) {
          if (line.trim() === "" || line.trim().startsWith("#")) continue;
          if (/^\s*(?:skd|data|urn):/i.test(line) || new URL(line, base).host === "ads.example") continue;
          expect(new URL(line, base).href).toMatch(/[?&](?:list|seg)=SIGNED$/);
        }
      }),
      { numRuns: 3000 },
    );
  });

  test("does not reach Object.prototype through a name such as __proto__", () => {
    rewrite(multivariant('#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="__proto__",NAME="polluted",URI="a"'));
    rewrite(media('#EXT-X-DATERANGE:ID="__proto__",POLLUTED="a"'));
    expect("polluted" in {}).toBe(false);
  });
});

describe("a playlist with four megabytes of one thing", () => {
  const size = 4 * 1024 * 1024;
  const numbered = (line: (n: number) => string) => Array.from({ length: 60_000 }, (_, n) => line(n)).join("\n");
  test.each([
    ["empty lines", "\n".repeat(size), true],
    ["carriage returns", "\r ".repeat(size / 2), true],
    ["lines that end with CR", "# a\r#EXT-X-GAP\r".repeat(size / 15), true],
    ["characters at which some players end a line", `# ${"\u2028a\r".repeat(size / 8)}`, true],
    ["bytes that are not UTF-8", `# ${"\uDCE7\uDC85".repeat(size / 2)}`, true],
    ["commas in a list", `#EXT-X-KEY:${",".repeat(size)}`, true],
    ["elements of a list", `#EXT-X-MAP:${"A=b,".repeat(size / 4)}`, true],
    ["a URI over and over in a broken list", `#EXT-X-MEDIA:X,${'URI="a",X,'.repeat(size / 10)}`, true],
    ["references to variables", `#EXTINF:1,\n${"{$a".repeat(size / 3)}`, false],
    [
      "variables and what uses them",
      numbered((n) => `#EXT-X-DEFINE:NAME="a${n}",VALUE="b"\n#EXTINF:1,\n{$a${n}}`),
      true,
    ],
    [
      "a variable that grows",
      `#EXT-X-DEFINE:NAME="a",VALUE="${"x".repeat(1e6)}"\n#EXTINF:1,\n${"{$a}".repeat(1e5)}`,
      false,
    ],
    ["keys, each of its own KEYFORMAT", numbered((n) => `#EXT-X-KEY:KEYFORMAT="${n}",URI="k"`), true],
    ["dateranges", numbered((n) => `#EXT-X-DATERANGE:ID="${n % 9}",X-ASSET-LIST="a"`), true],
    ["parts and reports", numbered(() => '#EXT-X-RENDITION-REPORT:URI="a"\n#EXT-X-PART:URI="b"'), true],
    ["tags within a comment", `# ${'#EXT-X-KEY:URI="a",'.repeat(size / 19)}`, true],
    ["attributes within a tag within a comment", `# #EXT-X-KEY:${'URI=",'.repeat(size / 6)}`, true],
    ["names in names within a tag within a comment", `# #EXT-X-KEY:${"URI=".repeat(size / 4)}`, false],
    ["comments with a tag without commas", "# #EXT-X-KEY:URI=a\n".repeat(size / 19), true],
    ["EXTINF without commas", "#EXTINF:1\n".repeat(size / 10), false],
    ["dots in a path", `#EXTINF:1,\n${"../".repeat(size / 3)}`, false],
    ["segments", "#EXTINF:1,\na\n".repeat(size / 13), false],
  ])(
    "is accepted or refused in time: %s",
    (_, text, accepted) => {
      expect(compilePlaylist(`#EXTM3U\n${text}`, bucket).ok).toBe(accepted);
    },
    20_000,
  );
});
