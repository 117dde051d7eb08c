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
import { aliasOf, foreignPayloads, oddAliases } from "./odd-aliases.ts";

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
  const codeOf = (place: { path: string; query: string }) => {
    const read = originFileOf(place);
    return read.ok ? "read" : read.refusal.code;
  };

  it("spells path and query in base64url and keeps the extension, as documented", () => {
    expect(mediaPlaceOf({ path: "a;v=1/0.ts", query: "t=a:b" })).toEqual({
      ok: true,
      value: { path: "~/YTt2PTEvMC50cz90PWE6Yg.ts", query: "" },
    });
    expect(codeOf(aliasOf("a;v=1/0.ts?t=a:b"))).toBe("read");
  });

  it.each(oddAliases)("is refused with %s", (_, place) => {
    expect(codeOf(place)).toBe("path_invalid");
  });

  it.each(foreignPayloads)("is neither made nor accepted for %s, which servers read differently", (payload) => {
    expect(codeOf(aliasOf(payload))).toMatch(/^(uri_foreign|path_invalid)$/);
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
