import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalPathText, pathFault } from "../../../src/base/canonical-path.ts";
import { oddPaths, plainPaths } from "./odd-paths.ts";

describe("pathFault", () => {
  it.each(plainPaths)("accepts %s, which every server reads alike", (path) => {
    expect(pathFault(path)).toBeUndefined();
  });

  it.each(oddPaths)("refuses %s", (_, ...paths) => {
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
