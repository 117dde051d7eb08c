import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { compilePlaylist, type PlaylistContext } from "../../../src/playlist/compile.ts";
import { oracle } from "../../unit/playlist/oracle.ts";
import { bucket, render } from "../../unit/playlist/sample.ts";

/** The playlists that m3u8-parser is published with: nobody wrote them for us. */
const folder = join(dirname(createRequire(import.meta.url).resolve("m3u8-parser")), "../test/fixtures/integration");
const files = readdirSync(folder).filter((name) => name.endsWith(".m3u8"));

const foreign = ["example.com", "media.example.com", "priv.example.com", "c.brightcove.com"];

/** The origin's root is the asset, so that references to its root lead to the asset. */
const context: PlaylistContext = {
  ...bucket,
  path: "/film/a/b/index.m3u8",
  originPath: "/",
  allowedHosts: new Set(foreign),
};

/** What is no playlist to RFC 8216, and to hls.js: it does not begin with #EXTM3U. */
const refused: ReadonlySet<string> = new Set([
  "empty.m3u8",
  "manifestNoExtM3u.m3u8",
  "master.m3u8",
  "start.m3u8",
  "streamInfInvalid.m3u8",
]);

test("the corpus is there", () => {
  expect(files.length).toBeGreaterThanOrEqual(60);
  for (const name of refused) expect(files).toContain(name);
});

describe("each playlist of m3u8-parser's corpus", () => {
  test.each(files.filter((name) => !refused.has(name)))("%s is rewritten without loss", (name) => {
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

  test.each([...refused])("%s is refused", (name) => {
    const compiled = compilePlaylist(readFileSync(join(folder, name), "utf8"), context);
    expect(compiled).toMatchObject({ ok: false, refusal: { code: "playlist_invalid" } });
  });

  test("a host that the asset does not allow is refused in each of them", () => {
    const strict = { ...context, allowedHosts: new Set<string>() };
    for (const name of files.filter((file) => !refused.has(file))) {
      const text = readFileSync(join(folder, name), "utf8");
      const result = compilePlaylist(text, strict);
      const leadsAway = oracle(text).uris.some((uri) => uri.includes("//"));
      expect([name, result.ok ? "ok" : result.refusal.code]).toEqual([name, leadsAway ? "uri_foreign" : "ok"]);
    }
  });
});

/** A URI of the rewritten playlist without what was added; throws where nothing was added to one of ours. */
function withoutSignature(uri: string): string {
  if (uri.includes("//")) return uri;
  const bare = uri.replace(/[?&](?:list|seg|key)=SIGNED$/, "");
  if (bare === uri) throw new Error(`unsigned: ${uri}`);
  return bare;
}

/** A reference to the origin's root, as it is written relative to the playlist in a/b/. */
function relative(uri: string): string {
  return uri.startsWith("/") && !uri.startsWith("//") ? `../..${uri}` : uri;
}

function linesWithoutUris(text: string): string[] {
  return text.split("\n").filter((line) => line.trim() === "" || (line.startsWith("#") && !line.includes("URI=")));
}
