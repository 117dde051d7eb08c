import { describe, expect, test } from "vitest";
import { needsImport } from "../../../src/playlist/compile.ts";
import { bucket, compiled, media, rewrite } from "./sample.ts";

const define = '#EXT-X-DEFINE:NAME="dir",VALUE="a/b"';

describe("variables", () => {
  test("are resolved in URI lines and quoted values before a URI is signed, and their tag stays", () => {
    const text = media(define, '#EXT-X-MAP:URI="{$dir}/i.mp4"', "#EXTINF:6,", "{$dir}/0{$dir}.ts");
    expect(rewrite(text)).toBe(
      media(define, '#EXT-X-MAP:URI="a/b/i.mp4?seg=SIGNED"', "#EXTINF:6,", "a/b/0a/b.ts?seg=SIGNED"),
    );
  });

  test("make a URI invalid that looks like a variable after decoding", () => {
    const other = '#EXT-X-DEFINE:NAME="a",VALUE="https://evil.example"';
    const late = '#EXT-X-DEFINE:NAME="b",VALUE="{$a}"';
    for (const uri of ["%7B$a%7D/0.ts", "https://ads.example/%7B$a%7D"])
      expect(rewrite(media("#EXTINF:6,", uri, other))).toBe("playlist_invalid");
    expect(rewrite(media(other, late, "#EXTINF:6,", "{$b}/0.ts"))).toBe("playlist_invalid");
    expect(rewrite(media(other, "# a\u2028%7B$a%7D/0.ts"))).toBe("uri_foreign");
    expect(rewrite(media("#EXTINF:6,", "%7B$a%7D/0.ts"))).toBe(media("#EXTINF:6,", "%7B$a%7D/0.ts?seg=SIGNED"));
  });

  test("are imported from the multivariant playlist, which must define them", () => {
    const text = media('#EXT-X-DEFINE:IMPORT="dir"', "#EXTINF:6,", "{$dir}/0.ts");
    expect(rewrite(text, { ...bucket, imported: new Map([["dir", "x"]]) })).toContain("\nx/0.ts?seg=SIGNED\n");
    expect(rewrite(text, { ...bucket, imported: new Map() })).toBe("playlist_invalid");
    expect(rewrite(text)).toBe("playlist_invalid");
  });

  test("of QUERYPARAM come from the signed query only, percent-decoded", () => {
    const text = media('#EXT-X-DEFINE:QUERYPARAM="r"', "#EXTINF:6,", "{$r}/0.ts");
    expect(rewrite(text, { ...bucket, query: "a=1&r=eu%20west" })).toContain("\neu%20west/0.ts?seg=SIGNED\n");
    for (const query of ["", "a=1", "r", "r=", "rr=1", "r=%ff"])
      expect(rewrite(text, { ...bucket, query })).toBe("playlist_invalid");
  });

  test("are in the template, for the playlists that import them", () => {
    expect(compiled(media(define)).variables).toEqual(new Map([["dir", "a/b"]]));
  });

  test("are refused if a value looks like a reference, which a player would replace again", () => {
    const text = media(
      '#EXT-X-DEFINE:NAME="a",VALUE="{$b}"',
      '#EXT-X-DEFINE:NAME="b",VALUE="x"',
      "#EXTINF:6,",
      "{$a}.ts",
    );
    expect(rewrite(text)).toBe("playlist_invalid");
  });

  test("do not affect text in a path that is not a reference", () => {
    const text = media(define, "#EXTINF:6,", "{$}{$ dir}{dir}{$dir.ts");
    expect(rewrite(text)).toContain("\n%7B$%7D%7B$%20dir%7D%7Bdir%7D%7B$dir.ts?seg=SIGNED\n");
  });

  test("are written out in an allowed URI, because not every player knows variables", () => {
    const text = media('#EXT-X-DEFINE:NAME="h",VALUE="ads.example"', "#EXTINF:6,", "https://{$h}/0.ts", "#EXT-X-GAP");
    expect(rewrite(text)).toContain("\nhttps://ads.example/0.ts\n#EXT-X-GAP\n");
  });

  test.each([
    ["an undefined variable in a URI", media("#EXTINF:6,", "{$dir}/0.ts")],
    ["a variable that is defined after its use", media("#EXTINF:6,", "{$dir}/0.ts", define)],
    ["a name that is defined twice", media(define, define)],
    ["a name without a value", media('#EXT-X-DEFINE:NAME="a"')],
    ["two ways at once", media('#EXT-X-DEFINE:NAME="a",VALUE="b",IMPORT="c"')],
    ["no way at all", media('#EXT-X-DEFINE:VALUE="b"')],
    ["a name with other characters", media('#EXT-X-DEFINE:NAME="a}b",VALUE="c"')],
    ["a broken list", media('#EXT-X-DEFINE:NAME="a,VALUE=b')],
  ])("are refused as playlist_invalid: %s", (_, text) => {
    expect(rewrite(text)).toBe("playlist_invalid");
  });
});

describe("a variable", () => {
  test.each([
    ["out of the asset", "../../other", "uri_foreign"],
    ["to another host", "//evil.example", "uri_foreign"],
    ["to another scheme", "javascript:", "uri_foreign"],
    ["over a backslash", "\\\\evil.example", "playlist_invalid"],
    ["out of a quoted value", "https://ads.example/%22,URI=%22", "playlist_invalid"],
    ["into another line", "https://ads.example/%0Ahttps://evil.example", "playlist_invalid"],
    ["to a space at the edge", "%C2%A0https://ads.example", "playlist_invalid"],
  ])("cannot lead %s", (_, value, code) => {
    const text = media('#EXT-X-DEFINE:QUERYPARAM="v"', '#EXT-X-MAP:URI="{$v}/a"');
    expect(rewrite(text, { ...bucket, query: `v=${value}` })).toBe(code);
  });

  test("cannot make a short playlist grow without end", () => {
    const value = "x".repeat(60_000);
    const uses = Array.from({ length: 200 }, () => '#EXT-X-KEY:URI="data:{$a}"');
    expect(rewrite(media(`#EXT-X-DEFINE:NAME="a",VALUE="${value}"`, ...uses))).toBe("playlist_too_large");
    expect(rewrite(media(`#EXT-X-DEFINE:NAME="a",VALUE="${value}"`, `#EXT-X-KEY:URI="${"{$a}".repeat(9)}"`))).toBe(
      "playlist_invalid",
    );
  });
});

test("needsImport is true only for a playlist whose EXT-X-DEFINE imports", () => {
  expect(needsImport(media('#EXT-X-DEFINE:IMPORT="a"'))).toBe(true);
  expect(needsImport(media('#EXT-X-DEFINE:NAME="a",VALUE="IMPORT=b"', '# #EXT-X-DEFINE:IMPORT="a"'))).toBe(false);
  expect(needsImport(media('#EXT-X-KEY:IMPORT="a"'))).toBe(false);
});
