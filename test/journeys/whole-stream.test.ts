import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, inject, it } from "vitest";
import { fixtureCatalog, projectRoot } from "../../cli/lib/project.ts";
import { parseCatalogText } from "../../src/catalog/catalog.ts";
import { isAllowedFile } from "../../src/catalog/file-globs.ts";
import { startStream } from "../cluster/start-stream.ts";
import { urisOf, walk } from "../cluster/walk.ts";

const cluster = inject("usual");
const media = join(projectRoot, "fixtures/media");
/** The streams that only Workers serve. test/conformance/playing.ts has the others. */
const playable = ["vod-cloudfront", "vod-cloudfront-ec"];

/** The path of a URL without the grant, if it has one. */
function plainPath(url: string): string {
  const path = decodeURIComponent(new URL(url).pathname);
  return path.startsWith("/vod-") ? path : path.slice(path.indexOf("/", 1));
}

const catalog = parseCatalogText(readFileSync(fixtureCatalog, "utf8"));

/** An asset of the fixture catalog. No playlist names the files that it offers by `POST /files`. */
function catalogEntry(id: string) {
  const asset = catalog.ok ? catalog.value.assets().find((entry) => entry.id === id) : undefined;
  if (asset === undefined) throw new Error(`the fixture catalog has no ${id}`);
  return asset;
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

describe.each(playable)("%s, from a token to its last byte,", (asset) => {
  it("serves every file of the stream byte for byte, by the URLs of its playlists alone", async () => {
    const { manifestUrl } = await startStream(cluster, asset);
    const { playlists, files } = await walk(manifestUrl);
    const served = new Set<string>();
    for (const url of files) {
      const response = await fetch(url, { redirect: "error" });
      expect(response.status).toBe(200);
      const path = plainPath(url);
      expect(sha256(await response.bytes())).toBe(sha256(readFileSync(join(media, path))));
      served.add(path);
    }
    for (const url of playlists.keys()) served.add(plainPath(url));
    const all = readdirSync(join(media, asset), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(media.length));
    const offered = (path: string) => isAllowedFile(catalogEntry(asset), path.slice(asset.length + 2));
    expect(served).toEqual(new Set(all.filter((path) => !offered(path))));
  });

  it("changes only the URIs of a playlist", async () => {
    const { manifestUrl } = await startStream(cluster, asset);
    const { playlists } = await walk(manifestUrl);
    for (const [url, text] of playlists) {
      const origin = readFileSync(join(media, plainPath(url)), "utf8");
      const stripped = text
        .replaceAll(new RegExp(`${cluster.mediaUrl}[^\\s"]*/([^/\\s"?]+)\\?[^\\s"]*`, "g"), "$1")
        .replaceAll(/\?(list|seg|key)=\d+\.[\w-]{22}/g, "");
      expect(stripped).toBe(origin);
    }
  });

  it("leaves no URI of the media host unsigned", async () => {
    const { manifestUrl } = await startStream(cluster, asset);
    const { playlists } = await walk(manifestUrl);
    for (const [url, text] of playlists) {
      for (const uri of urisOf(text, url))
        expect(new URL(uri.url).search).toMatch(/[?&](list|seg|key)=\d+\.|[?&]Signature=/);
    }
  });
});

describe("a session's URLs", () => {
  it("are the same bytes of a media playlist for two viewers within a step, except for a playlist bound to a session", async () => {
    const bodies = async (asset: string) => {
      const loaded = await Promise.all([startStream(cluster, asset), startStream(cluster, asset)]);
      const texts = await Promise.all(
        loaded.map(async ({ manifestUrl }) => {
          const { playlists } = await walk(manifestUrl);
          return [...playlists.entries()]
            .filter(([, text]) => text.includes("#EXTINF"))
            .map(([, text]) => text)
            .sort()
            .join("\n");
        }),
      );
      return texts;
    };
    const [a, b] = await bodies("vod-ts");
    expect(a).toBe(b);
    const [c, d] = await bodies("vod-aes");
    expect(c).not.toBe(d);
  });
});
