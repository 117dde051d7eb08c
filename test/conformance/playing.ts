import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { fixtureCatalog, projectRoot } from "../../cli/lib/project.ts";
import { parseCatalogText } from "../../src/catalog/catalog.ts";
import { isAllowedFile } from "../../src/catalog/file-globs.ts";
import { urlsOf } from "../cluster/viewer.ts";
import { urisOf, walk } from "../cluster/walk.ts";
import { type Clients, type Current, playable } from "./deployment.ts";

const media = join(projectRoot, "fixtures/media");

/** The path of a URL without the grant. */
function plainPath(url: string): string {
  const path = decodeURIComponent(new URL(url).pathname);
  return path.slice(path.indexOf("/", 1));
}

const catalog = parseCatalogText(readFileSync(fixtureCatalog, "utf8"));

/** An asset of the fixture catalog. No playlist names the files that it offers by `POST /files`. */
function catalogEntry(id: string) {
  const asset = catalog.ok ? catalog.value.assets().find((entry) => entry.id === id) : undefined;
  if (asset === undefined) throw new Error(`the fixture catalog has no ${id}`);
  return asset;
}

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

/** Start and play. */
export function playing(current: Current, { viewer, get }: Clients): void {
  describe.each(playable)("%s, from a token to its last byte,", (asset) => {
    it("is served file by file, byte for byte, by the URLs of its playlists alone", async () => {
      const { manifestUrl } = await (await viewer()).start({ asset });
      const { playlists, files } = await walk(manifestUrl);
      const served = new Set([...playlists.keys()].map(plainPath));
      for (const url of files) {
        // With these settings a URL may expire before it is used, and is renewed by a redirect.
        const response = await fetch(url);
        expect(response.status).toBe(200);
        const path = plainPath(url);
        expect(sha256(await response.bytes())).toBe(sha256(readFileSync(join(media, path))));
        served.add(path);
      }
      const all = readdirSync(join(media, asset), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name).slice(media.length));
      const offered = (path: string) => isAllowedFile(catalogEntry(asset), path.slice(asset.length + 2));
      expect(served).toEqual(new Set(all.filter((path) => !offered(path))));
    });

    it("has playlists that differ from the origin's only in their URIs, each of them signed", async () => {
      const { manifestUrl } = await (await viewer()).start({ asset });
      for (const [url, text] of (await walk(manifestUrl)).playlists) {
        for (const uri of urisOf(text, url)) expect(new URL(uri.url).search).toMatch(/[?&](list|seg|key)=\d+\./);
        if (asset === "vod-single" && !text.includes("#EXTINF")) continue; // We make this playlist, around the entry.
        const stripped = text
          .replaceAll(new RegExp(`${current().mediaUrl}[^\\s"]*/([^/\\s"?]+)\\?[^\\s"]*`, "g"), "$1")
          .replaceAll(/\?(list|seg|key)=\d+\.[\w-]{22}/g, "");
        expect(stripped).toBe(readFileSync(join(media, plainPath(url)), "utf8"));
      }
    });
  });

  describe("a session", () => {
    it("has one grant in the path of each URL, which no playlist contains", async () => {
      const { manifestUrl, grant } = await (await viewer()).start({ asset: "vod-tracks" });
      const { playlists, files } = await walk(manifestUrl);
      const grants = new Set([...playlists.keys(), ...files].map((url) => new URL(url).pathname.split("/")[1]));
      expect([...grants]).toEqual([grant]);
      for (const text of playlists.values()) expect(text).not.toContain(grant);
    });

    it("gets parts of a file, and the headers of one without its body", async () => {
      const { segment } = await urlsOf(await (await viewer()).start());
      const whole = await (await fetch(segment)).bytes();
      const part = await fetch(segment, { headers: { Range: "bytes=10-19" } });
      expect([part.status, part.headers.get("Content-Range")]).toEqual([206, `bytes 10-19/${whole.length}`]);
      expect(await part.bytes()).toEqual(whole.slice(10, 20));
      const head = await fetch(segment, { method: "HEAD" });
      expect([head.status, head.headers.get("Content-Length"), (await head.bytes()).length]).toEqual([
        200,
        String(whole.length),
        0,
      ]);
      const beyond = await fetch(segment, { headers: { Range: `bytes=${whole.length}-` } });
      expect([beyond.status, beyond.headers.get("Content-Range")]).toEqual([416, `bytes */${whole.length}`]);
      await beyond.body?.cancel();
    });

    it("is readable by pages of any site", async () => {
      const { manifest, segment } = await urlsOf(await (await viewer()).start());
      for (const url of [manifest, segment]) {
        const response = await fetch(url, { headers: { Origin: "https://tv.example" } });
        await response.bytes();
        expect(response.headers.get("Access-Control-Allow-Origin")).toBe("*");
        expect(response.headers.get("X-Content-Type-Options")).toBe("nosniff");
      }
    });

    it("opens the files that no playlist names, each by a URL of its own", async () => {
      const ann = await viewer();
      const { url } = await ann.openPoster();
      const response = await fetch(url);
      expect([response.status, response.headers.get("Content-Type")]).toEqual([200, "image/jpeg"]);
      expect(sha256(await response.bytes())).toBe(sha256(readFileSync(join(media, "vod-ts/poster.jpg"))));
      const session = await ann.start();
      const [, grant = ""] = new URL(session.manifestUrl).pathname.split("/");
      expect((await get(url.replace(/(\w)\/[\w-]{20,}\//, `$1/${grant}/`))).status).toBe(403);
    });
  });

  describe("health", () => {
    it("is answered on both hosts, and so is readiness", async () => {
      const { apiUrl, mediaUrl } = current();
      for (const host of [apiUrl, mediaUrl])
        for (const path of ["/health", "/ready"]) {
          const response = await fetch(host + path);
          expect([path, response.status, response.headers.get("Cache-Control")]).toEqual([path, 200, "no-store"]);
          await response.body?.cancel();
        }
    });
  });
}
