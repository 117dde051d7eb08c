import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  extensionOf,
  isAlias,
  isPlain,
  mediaPlaceOf,
  originFileOf,
  sentPath,
  sentQuery,
} from "../../../src/base/alias.ts";
import { pathFault } from "../../../src/base/canonical-path.ts";
import { encodeBase64url, utf8 } from "../../../src/base/encoding.ts";

const fragments = fc.constantFrom(
  ..."/ // ; %3B %3b %2F %25 %2B + ~ ~/ . .. %2e %252e %5C %00 %C0%AE a b .ts .m3u8 = & ? : * é %C3%A9 % |".split(" "),
);
const texts = fc.oneof(
  fc.array(fragments, { maxLength: 12 }).map((parts) => parts.join("")),
  fc.string({ unit: "binary", maxLength: 20 }),
);
const file = fc.record({
  path: texts.map((text) => sentPath(text.replaceAll(/[\\?#]/g, ""))),
  query: texts.map((text) => sentQuery(text.replaceAll(/[\\#]/g, ""))),
});

describe("the place of a file on the media host", () => {
  it("is a canonical path that maps back to the same file", () => {
    fc.assert(
      fc.property(file, (given) => {
        const place = mediaPlaceOf(given);
        if (!place.ok) return;
        expect(pathFault(`/${place.value.path}`)).toBeUndefined();
        expect(isAlias(place.value.path)).toBe(!isPlain(given));
        expect(originFileOf(place.value)).toEqual({ ok: true, value: given });
      }),
    );
  });

  it("exists only for files that fetch requests from the origin byte for byte", () => {
    fc.assert(
      fc.property(file, (given) => {
        const place = mediaPlaceOf(given);
        if (!place.ok) return;
        const url = `https://origin.example/films/${given.path}${given.query === "" ? "" : `?${given.query}`}`;
        expect(new URL(url).href).toBe(url);
      }),
    );
  });

  it("is never outside the asset's prefix, however often a server decodes the path", () => {
    fc.assert(
      fc.property(file, (given) => {
        if (!mediaPlaceOf(given).ok || isPlain(given)) return;
        let path = given.path;
        for (let i = 0; i < 3; i++) {
          // Some servers also end a segment at a path parameter: `..;/a` becomes `../a`.
          expect(new URL(`https://origin.example/films/${path.replaceAll(";", "/x/../")}`).pathname).toMatch(
            /^\/films\//,
          );
          expect(path).not.toContain("\\");
          path = unescape(path);
        }
      }),
    );
  });
});

describe("an alias", () => {
  const alias = (payload: string, extension = ".ts") => ({
    path: `~/${encodeBase64url(utf8(payload))}${extension}`,
    query: "",
  });
  const codeOf = (place: { path: string; query: string }) => {
    const read = originFileOf(place);
    return read.ok ? "read" : read.refusal.code;
  };

  it("spells path and query in base64url and keeps the extension, as documented", () => {
    expect(mediaPlaceOf({ path: "a;v=1/0.ts", query: "t=a:b" })).toEqual({
      ok: true,
      value: { path: "~/YTt2PTEvMC50cz90PWE6Yg.ts", query: "" },
    });
    expect(codeOf(alias("a;v=1/0.ts?t=a:b"))).toBe("read");
  });

  it.each([
    ["base64 padding", { path: "~/YTt2PTEvMC50cz90PWE6Yg==.ts", query: "" }],
    ["unused bits that are set", { path: "~/YTt2PTEvMC50cz90PWE6Yh.ts", query: "" }],
    ["no payload", { path: "~/.ts", query: "" }],
    ["no name at all", { path: "~/", query: "" }],
    ["a trailing slash", { path: `${alias("a;b.ts").path}/`, query: "" }],
    ["another extension", alias("a;b.ts", ".mp4")],
    ["an extension in upper case", alias("a;b.ts", ".TS")],
    ["no extension", alias("a;b.ts", "")],
    ["two extensions", alias("a;b.ts", ".ts.ts")],
    ["a query", { ...alias("a;b.ts"), query: "a=b" }],
    ["a file that needs no alias", alias("a.ts")],
    ["an empty query", alias("a;b.ts?")],
    ["a fragment", alias("a;b.ts#t")],
    ["a character that clients escape", alias("a;é.ts")],
    ["a space", alias("a;b .ts")],
    ["a broken escape", alias("a;%.ts")],
    ["bytes that are not UTF-8", { path: `~/${encodeBase64url(Uint8Array.of(0x61, 0x3b, 0xff))}`, query: "" }],
    ["a byte order mark", { path: `~/${encodeBase64url(Uint8Array.of(0xef, 0xbb, 0xbf, 0x61, 0x3b))}`, query: "" }],
    ["more than a URL can hold", alias(`a;${"b".repeat(8192)}`, "")],
  ])("is refused with %s", (_, place) => {
    expect(codeOf(place)).toBe("path_invalid");
  });

  it.each([
    "a;b/%2E%2E/c.ts",
    "..%2Fa.ts",
    "..;/a.ts",
    "%252e%252e/a.ts",
    "a%5Cb.ts",
    "a%255cb.ts",
    "a%00.ts",
    "a%2500.ts",
    "a%C0%AE.ts;",
    "a.ts?b=:/../c",
  ])("is neither made nor accepted for %s, which servers read differently", (payload) => {
    expect(codeOf(alias(payload))).toMatch(/^(uri_foreign|path_invalid)$/);
    expect(mediaPlaceOf({ path: payload, query: "" }).ok).toBe(false);
  });
});

describe("extensionOf", () => {
  it.each([
    ["360p/0.ts", "ts"],
    ["a;b.ts", "ts"],
    ["0.ts;v=1", "ts"],
    ["0.ts;token=a.b", "ts"],
    ["0.ts%3Bv", "ts"],
    ["dir%2F0.M4S", "M4S"],
    ["index.m3u8;a=1;b=2", "m3u8"],
    ["v1.2/segment", ""],
    ["a.b/", ""],
    ["0.", ""],
    ["0.t%73", ""],
    ["0.extension-9", ""],
    ["", ""],
  ])("finds in %j the extension %j", (path, extension) => {
    expect(extensionOf(path)).toBe(extension);
  });
});
