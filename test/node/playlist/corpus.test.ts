import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { compilePlaylist, type PlaylistContext } from "../../../src/playlist/compile.ts";
import { oracle } from "../../unit/playlist/oracle.ts";
import { bucket, render } from "../../unit/playlist/sample.ts";

/** The playlists in m3u8-parser's package, which were not written for this project. */
const folder = join(dirname(createRequire(import.meta.url).resolve("m3u8-parser")), "../test/fixtures/integration");
const files = readdirSync(folder).filter((name) => name.endsWith(".m3u8"));

const foreign = ["example.com", "media.example.com", "priv.example.com", "c.brightcove.com"];

/** The asset's prefix is the origin's root, so that references to the root lead to the asset. */
const context: PlaylistContext = {
  ...bucket,
  path: "/film/a/b/index.m3u8",
  originPath: "/",
  allowedHosts: new Set(foreign),
};

/** No playlists by RFC 8216 and hls.js: they do not begin with #EXTM3U. */
const refused: ReadonlySet<string> = new Set([
  "empty.m3u8",
  "manifestNoExtM3u.m3u8",
  "master.m3u8",
  "start.m3u8",
  "streamInfInvalid.m3u8",
]);

test("m3u8-parser's corpus is installed", () => {
  expect(files.length).toBeGreaterThanOrEqual(60);
  for (const name of refused) expect(files).toContain(name);
});

describe("a playlist of m3u8-parser's corpus", () => {
  test.each(files.filter((name) => !refused.has(name)))("is rewritten without loss: %s", (name) => {
    const text = readFileSync(join(folder, name), "utf8");
    const compiled = compilePlaylist(text, context);
    if (!compiled.ok) throw new Error(compiled.refusal.reason);
    const rewritten = render(compiled.value);
    const [before, after] = [oracle(text), oracle(rewritten)];
    expect(after.durations).toEqual(before.durations);
    expect(after.uris).toHaveLength(before.uris.length);
    for (const [i, uri] of after.uris.entries()) expect(withoutSignature(uri)).toBe(relative(before.uris[i] ?? ""));
    expect(linesWithoutUris(rewritten)).toEqual(linesWithoutUris(text));
  });

  test.each([...refused])("is refused without #EXTM3U: %s", (name) => {
    const compiled = compilePlaylist(readFileSync(join(folder, name), "utf8"), context);
    expect(compiled).toMatchObject({ ok: false, refusal: { code: "playlist_invalid" } });
  });

  test("is refused if it names a host that the asset does not allow", () => {
    const strict = { ...context, allowedHosts: new Set<string>() };
    for (const name of files.filter((file) => !refused.has(file))) {
      const text = readFileSync(join(folder, name), "utf8");
      const result = compilePlaylist(text, strict);
      const namesHost = oracle(text).uris.some((uri) => uri.includes("//"));
      expect([name, result.ok ? "ok" : result.refusal.code]).toEqual([name, namesHost ? "uri_foreign" : "ok"]);
    }
  });
});

/** A URI of the rewritten playlist without its signature. Throws if one of our URIs is unsigned. */
function withoutSignature(uri: string): string {
  if (uri.includes("//")) return uri;
  const bare = uri.replace(/[?&](?:list|seg|key)=SIGNED$/, "");
  if (bare === uri) throw new Error(`unsigned: ${uri}`);
  return bare;
}

/** A reference to the origin's root, relative to the playlist in a/b/. */
function relative(uri: string): string {
  return uri.startsWith("/") && !uri.startsWith("//") ? `../..${uri}` : uri;
}

function linesWithoutUris(text: string): string[] {
  return text.split("\n").filter((line) => line.trim() === "" || (line.startsWith("#") && !line.includes("URI=")));
}
