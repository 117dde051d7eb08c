import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalPathText, pathFault } from "../../../src/base/canonical-path.ts";

describe("pathFault", () => {
  it.each([
    "/",
    "/vod-ts/360p/0.ts",
    "/vod-ts/",
    "/a/...",
    "/a/..b",
    "/a/.b",
    "/a/b.",
    "/a/~user/!$&'()*+,=:@",
    "/caf%C3%A9/%20%22%5B%7C",
    "/%E0%A4%B9/%F0%9F%8E%AC/latin-1%E9",
  ])("accepts %s, which every server reads alike", (path) => {
    expect(pathFault(path)).toBeUndefined();
  });

  const refused: readonly [why: string, ...paths: string[]][] = [
    ["a path without a leading slash", "", "a/b", "?", "http://host/a", "*"],
    ["dot segments", "/..", "/.", "/a/../b", "/a/./b", "/a/..", "/a/.", "/../a"],
    ["dot segments in other spellings", "/a/%2e%2e/b", "/a/%2E%2E/b", "/a/.%2e/b", "/a/%2E./b", "/a/%2e/b"],
    ["empty segments", "//", "//host/a", "/a//b", "/a//"],
    ["encoded slashes", "/a%2Fb", "/a%2fb", "/..%2Fb", "/a%5Cb", "/a%5cb"],
    ["double encoding", "/a/%252e%252e/b", "/a%252Fb", "/%25", "/a%2525"],
    ["backslashes", "/a\\..\\b", "/\\host"],
    ["control characters", "/a\0b", "/a%00b", "/a\nb", "/a%0Ab", "/a\tb", "/a%7F", "/a\x7f", "/a\x1f"],
    ["overlong UTF-8", "/a/%C0%AE%C0%AE/b", "/a%C0%AFb", "/a%C1%9Cb", "/a%E0%80%AFb", "/a%E0%9F%BF", "/a%F0%80%80%AFb"],
    ["path parameters", "/a;b", "/a/..;/b", "/a%3Bb", "/a%3bb"],
    ["lower-case hexadecimal digits", "/caf%c3%a9", "/%C3%a9", "/%5b"],
    ["unnecessary escapes", "/%61", "/%7E", "/%2D", "/%41.ts", "/%40"],
    ["broken escapes", "/%", "/%2", "/%G1", "/%2G", "/a%", "/%%41", "/%u0041"],
    [
      "characters that must be escaped",
      "/é",
      "/a b",
      "/a?b",
      "/a#b",
      '/a"b',
      "/<",
      "/[",
      "/^",
      "/`",
      "/{",
      "/|",
      "/\ud800",
    ],
  ];
  it.each(refused)("refuses %s", (_, ...paths) => {
    expect(paths.filter((path) => pathFault(path) === undefined)).toEqual([]);
  });

  it("never quotes the path in its message", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(pathFault(`/${text}/`) ?? "it contains").toMatch(
          /^it (contains (an? [a-z ]+|overlong UTF-8)|is encoded twice|encodes a character that needs no encoding|contains)$/,
        );
      }),
    );
  });
});

describe("canonicalPathText", () => {
  it.each([
    ["/a b/é.ts", "/a%20b/%C3%A9.ts"],
    ["%7Euser/%61", "~user/a"],
    ["caf%c3%a9", "caf%C3%A9"],
    ["a/../%2e%2e/b", "a/../../b"],
    ["🎬.ts", "%F0%9F%8E%AC.ts"],
    ["a?b#c[d]", "a%3Fb%23c%5Bd%5D"],
  ])("spells %j as %j", (text, spelling) => {
    expect(canonicalPathText(text)).toEqual({ ok: true, value: spelling });
  });

  it.each([
    "a%2fb",
    "a%5Cb",
    "a\\b",
    "a;b",
    "a%3bb",
    "a%00",
    "a\0",
    "%252e",
    "%",
    "%zz",
    "%4",
    "\ud800",
    "a\udc00b",
    "a\nb",
  ])("refuses %j, which has no canonical spelling", (text) => {
    expect(canonicalPathText(text).ok).toBe(false);
  });

  const pathish = fc
    .array(
      fc.oneof(
        fc.constantFrom(
          "/",
          ".",
          "..",
          "%2E",
          "%2e",
          "%41",
          "%c3%A9",
          "%C0",
          "%e0",
          "%80",
          "%",
          "a",
          "é",
          " ",
          "~",
          "%7e",
          "4",
          "1",
        ),
        fc.string({ unit: "binary" }),
      ),
    )
    .map((parts) => `/${parts.join("")}`);

  it("returns only paths that pathFault accepts, except for dot and empty segments", () => {
    fc.assert(
      fc.property(pathish, (text) => {
        const spelled = canonicalPathText(text);
        if (!spelled.ok) return;
        const [, ...segments] = spelled.value.split("/");
        const odd = segments.some(
          (segment, at) => segment === "." || segment === ".." || (segment === "" && at < segments.length - 1),
        );
        expect(pathFault(spelled.value) !== undefined).toBe(odd);
      }),
    );
  });

  it("leaves its own output unchanged", () => {
    fc.assert(
      fc.property(pathish, (text) => {
        const once = canonicalPathText(text);
        if (once.ok) expect(canonicalPathText(once.value)).toEqual(once);
      }),
    );
  });

  it("keeps the bytes that the path decodes to", () => {
    fc.assert(
      fc.property(pathish, (text) => {
        const spelled = canonicalPathText(text);
        if (spelled.ok) expect(unescape(spelled.value)).toEqual(unescape(encodeURI(text).replaceAll("%25", "%")));
      }),
    );
  });
});
