import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isAllowedFile } from "../../../src/catalog/file-globs.ts";
import { briefly, faultsOf, sampleAsset, sampleDocument } from "./sample.ts";

const allows = (globs: readonly string[], path: string, entry = "index.m3u8") =>
  isAllowedFile({ files: globs, entry }, path);

describe("a glob of an asset's files", () => {
  it.each([
    ["poster.jpg", "poster.jpg"],
    ["*.jpg", "poster.jpg"],
    ["*.jpg", ".jpg"],
    ["thumbs/*.vtt", "thumbs/en.vtt"],
    ["thumbs/*-*.jpg", "thumbs/a-b-c.jpg"],
    ["**/*.jpg", "a.jpg"],
    ["**/*.jpg", "a/b/c.jpg"],
    ["a/**/b/*.jpg", "a/b/c.jpg"],
    ["a/**/b/*.jpg", "a/b/x/b/c.jpg"],
    ["**/x/**/*.mp4", "x/x/y/film.mp4"],
    ["caf%C3%A9/*.jpg", "caf%C3%A9/1.jpg"],
    ["*.jpg", "a%20b.jpg"],
  ])("%s covers %s", (glob, path) => {
    expect(allows([glob], path)).toBe(true);
  });

  it.each([
    ["poster.jpg", "poster.JPG"],
    ["poster.jpg", "x/poster.jpg"],
    ["poster.jpg", "poster.jpg/x.jpg"],
    ["*.jpg", "a/b.jpg"],
    ["thumbs/*.jpg", "thumbs/a/b.jpg"],
    ["thumbs/**/*.jpg", "thumbs.jpg"],
    ["a/**/b/*.jpg", "a/c.jpg"],
    ["*.jpg", "a.jpeg"],
    ["*.jpg", "ajpg"],
  ])("%s does not cover %s", (glob, path) => {
    expect(allows([glob], path)).toBe(false);
  });

  it.each([
    ["a path that climbs", "../secret.jpg"],
    ["a dot segment", "a/./b.jpg"],
    ["an encoded dot segment", "%2E%2E/b.jpg"],
    ["an encoded dot segment in lower case", "%2e%2e/b.jpg"],
    ["an empty segment", "a//b.jpg"],
    ["a slash at the start", "/b.jpg"],
    ["an encoded slash", "a%2Fb.jpg"],
    ["a double encoding", "a%252Fb.jpg"],
    ["a backslash", "a\\b.jpg"],
    ["a path parameter", "a.m3u8;b.jpg"],
    ["an encoded path parameter", "a.m3u8%3Bb.jpg"],
    ["an encoded NUL", "index.m3u8%00.jpg"],
    ["a query", "index.m3u8?x=.jpg"],
    ["a fragment", "index.m3u8#.jpg"],
    ["an encoded question mark in lower case", "index.m3u8%3fx.jpg"],
    ["overlong UTF-8", "%C0%AE%C0%AE/b.jpg"],
    ["an alias", "~/aW5kZXgubTN1OD9hPTE.jpg"],
    ["an empty path", ""],
    ["a folder", "a/"],
    ["a playlist", "index.m3u8"],
    ["a playlist in upper case", "INDEX.M3U8"],
    ["a playlist with a file behind it", "index.m3u8/x.jpg"],
    ["a key", "keys/0.key"],
    ["a key with a file behind it", "keys/0.KEY/x.jpg"],
    ["a segment with a file behind it", "360p/0.ts/x.jpg"],
    ["a line feed", "a\n.jpg"],
    ["characters outside ASCII", "ä.jpg"],
  ])("never covers %s", (_, path) => {
    expect(allows(["**/*.jpg", "*.jpg", "**/*.m3u8", "**/*.key", "**/*.M3U8", "~/*.jpg"], path)).toBe(false);
  });

  it("never covers the entry, whatever its name is", () => {
    expect(allows(["*.jpg"], "entry.jpg", "entry.jpg?token=1")).toBe(false);
  });

  it("covers nothing if there is none", () => {
    expect(allows([], "poster.jpg")).toBe(false);
    expect(sampleAsset().files).toEqual([]);
  });

  it.each([
    "",
    "**",
    "*",
    "thumbs/**",
    "a/*",
    "poster",
    "a**.jpg",
    "***/a.jpg",
    "/a.jpg",
    "a//b.jpg",
    "../a.jpg",
    "a?.jpg",
  ])("is refused in the catalog: %j", (glob) => {
    expect(briefly(sampleDocument({ files: [glob] }))).toEqual(["schema film files[0]"]);
  });

  it.each([
    "*.m3u8",
    "*.M3U",
    "a/*.mpd",
    "keys/*.key",
    "**/*.ts",
    "**/*.m4s",
    "x.m3u8/*.jpg",
    "~/a.jpg",
    "a b.jpg",
    "[ab].jpg",
  ])("names what no glob opens: %j", (glob) => {
    const [fault] = faultsOf(sampleDocument({ files: [glob] }));
    expect(fault?.advice).toMatch(/opened by a stream only|canonical form|reserved/);
  });

  it("takes linear time on a hostile pattern", () => {
    const glob = `${"*a".repeat(100)}*.jpg`;
    expect(allows([glob], `${"a".repeat(5000)}b.jpg`)).toBe(true);
    expect(allows([`${"**/".repeat(60)}b.jpg`], `${"a/".repeat(2000)}c.jpg`)).toBe(false);
  });

  it("covers a path exactly if the equivalent regular expression does", () => {
    const name = fc.stringMatching(/^[ab.]{1,4}$/).filter((text) => !/^\.{1,2}$/.test(text));
    const globName = fc.stringMatching(/^[ab*]{1,4}$/).map((text) => text.replace(/\*+/g, "*"));
    const glob = fc
      .tuple(fc.array(fc.oneof(globName, fc.constant("**")), { maxLength: 4 }), globName)
      .map(([folders, last]) => [...folders, `${last}.jpg`].join("/"));
    const path = fc
      .tuple(fc.array(name, { maxLength: 5 }), name)
      .map(([folders, last]) => [...folders, `${last}.jpg`].join("/"));
    fc.assert(
      fc.property(glob, path, (pattern, file) => {
        const source = pattern
          .split("/")
          .map((part) => (part === "**" ? "(?:[^/]+/)*" : `${part.replace(/\./g, "\\.").replace(/\*/g, "[^/]*")}/`))
          .join("");
        expect(allows([pattern], file)).toBe(new RegExp(`^${source}$`).test(`${file}/`));
      }),
    );
  });
});
