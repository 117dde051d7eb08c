import { globSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { compilePlaylist, type PlaylistContext } from "../../../src/playlist/compile.ts";
import { oracle } from "../../unit/playlist/oracle.ts";
import { bucket, render } from "../../unit/playlist/sample.ts";

const root = fileURLToPath(new URL("../../../fixtures/media/", import.meta.url));
const paths = globSync("**/*.m3u8", { cwd: root }).map((path) => `/${path}`);

function read(path: string): string {
  return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(readFileSync(root + path.slice(1)));
}

function context(path: string, more: Partial<PlaylistContext> = {}): PlaylistContext {
  const prefix = path.slice(0, path.indexOf("/", 1) + 1);
  return { ...bucket, prefix, path, originPath: prefix, ...more };
}

function rewrite(path: string, more: Partial<PlaylistContext> = {}): string {
  const compiled = compilePlaylist(read(path), context(path, more));
  if (!compiled.ok) throw new Error(`${path}: ${compiled.refusal.reason}`);
  return render(compiled.value);
}

const signature = /[?&](?:list|seg|key)=SIGNED/g;
const variables = { query: "region=eu", imported: new Map([["folder", "media"]]) };

test("the playlist fixtures exist", () => {
  expect(paths.length).toBeGreaterThan(20);
});

describe("a playlist fixture", () => {
  // Playlists with variables change in more than their URIs. See below.
  const plain = paths.filter((path) => !read(path).includes("{$") && !read(path).includes("#EXT-X-DEFINE:IMPORT"));

  test.each(plain)("is rewritten without loss: %s", (path) => {
    expect(rewrite(path).replaceAll(signature, "")).toBe(read(path));
  });

  test.each(paths)("has every URI signed that m3u8-parser finds: %s", (path) => {
    const rewritten = rewrite(path, variables);
    for (const uri of oracle(rewritten).uris) {
      if (!/^(?:skd:|urn:|data:|https:\/\/ads\.example\/)/.test(uri))
        expect(uri).toMatch(/[?&](?:list|seg|key)=SIGNED$/);
    }
    expect(oracle(rewritten).durations).toEqual(oracle(read(path)).durations);
  });
});

describe("the fixture with every rare tag", () => {
  test("has its multivariant playlist signed, and otherwise unchanged", () => {
    const changed = changes("/vod-rare/index.m3u8");
    expect(changed).toEqual([
      'SERVER-URI="steering.json?list=SIGNED"',
      'URI="chapters.json?seg=SIGNED"',
      'URI="keys/session.key?key=SIGNED"',
      'URI="media/vod.m3u8?list=SIGNED"',
      'URI="media/crlf.m3u8?list=SIGNED"',
      'URI="media/bom.m3u8?list=SIGNED"',
      "media/vod.m3u8?list=SIGNED",
      "./media/live-ll.m3u8?list=SIGNED",
      "media/variables.m3u8?region=eu&list=SIGNED",
      "media/delta.m3u8?list=SIGNED",
      'URI="media/iframes.m3u8?list=SIGNED"',
      'URI="media/images.m3u8?list=SIGNED"',
    ]);
  });

  test("has its VOD playlist signed, and otherwise unchanged", () => {
    expect(changes("/vod-rare/media/vod.m3u8")).toEqual([
      'URI="vod/init.mp4?seg=SIGNED"',
      'X-ASSET-URI="crlf.m3u8?list=SIGNED"',
      'X-ASSET-LIST="../interstitials/list.json?list=SIGNED"',
      'URI="../keys/0.key?key=SIGNED"',
      "vod/0.m4s?seg=SIGNED",
      "vod/1.m4s?seg=SIGNED",
      "vod/2.m4s?seg=SIGNED",
      "vod/2.m4s?seg=SIGNED",
      'URI="./vod/../vod/init.mp4?seg=SIGNED"',
      "vod/part%20two.m4s?seg=SIGNED",
      "vod/missing.m4s?seg=SIGNED",
      "vod/3.m4s?version=2&name=a%26b&seg=SIGNED",
    ]);
  });

  test("has its variables resolved from the multivariant playlist, the signed query and itself", () => {
    expect(changes("/vod-rare/media/variables.m3u8")).toEqual(["eu/0.ts?seg=SIGNED", "../media/eu/1.ts?seg=SIGNED"]);
    expect(() => rewrite("/vod-rare/media/variables.m3u8", { query: "region=eu" })).toThrow("imports");
    expect(() => rewrite("/vod-rare/media/variables.m3u8", { ...variables, query: "" })).toThrow("query parameter");
  });
});

/** The changes in the rewritten lines, in order: the attribute with the signed URI, or the line. */
function changes(path: string): string[] {
  const before = read(path).split("\n");
  const after = rewrite(path, variables).split("\n");
  expect(after).toHaveLength(before.length);
  return after.filter((line, i) => line !== before[i]).map((line) => /[A-Z-]+="[^"]*SIGNED"/.exec(line)?.[0] ?? line);
}
