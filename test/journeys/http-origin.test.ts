import { readFileSync } from "node:fs";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { projectRoot } from "../../cli/lib/project.ts";
import { startStream } from "../cluster/start-stream.ts";
import { startTestCluster } from "../cluster/test-cluster.ts";
import { urisOf, walk } from "../cluster/walk.ts";

const requests: { readonly url: string; readonly headers: IncomingHttpHeaders }[] = [];
const logs: string[] = [];
let origin: Server;
let cluster: Awaited<ReturnType<typeof startTestCluster>>;

/** The wrong responses of the origin, by URL. */
const wrong: Readonly<
  Record<string, (base: string) => { status: number; headers?: Record<string, string>; body?: string }>
> = {
  "/films/away/index.m3u8": () => ({ status: 302, headers: { Location: "http://169.254.169.254/latest/meta-data/" } }),
  "/films/broken/index.m3u8": () => ({ status: 500 }),
  "/films/text/index.m3u8": () => ({ status: 200, body: "<!doctype html>" }),
  "/films/large/index.m3u8": () => ({ status: 200, body: `#EXTM3U\n#${"x".repeat(4 * 1024 * 1024)}\n` }),
  "/films/foreign/index.m3u8": () => ({
    status: 200,
    body: "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\nhttps://elsewhere.example/0.ts\n#EXT-X-ENDLIST\n",
  }),
};

beforeAll(async () => {
  origin = createServer(({ url = "", headers }, response) => {
    requests.push({ url, headers });
    if (headers["x-origin-secret"] !== "open-sesame") return response.writeHead(403).end();
    const fault = wrong[url];
    if (fault !== undefined) {
      const { status, headers: more = {}, body = "" } = fault("");
      return response.writeHead(status, more).end(body);
    }
    const path = url.replace(/^\/films\/(42|unseen)\//, "").replace(/\?.*/, "");
    if (path === url) return response.writeHead(404).end();
    return response
      .writeHead(200, { ETag: '"1"' })
      .end(readFileSync(join(projectRoot, "fixtures/media/vod-single", path)));
  });
  await new Promise<void>((resolve) => origin.listen(0, "127.0.0.1", resolve));
  const address = origin.address();
  const port = address !== null && typeof address === "object" ? address.port : 0;
  const bound = { ORIGIN_SECRET: { use: "header", header: "X-Origin-Secret", hosts: [`127.0.0.1:${port}`] } };
  const settings = { STAGEDOOR_ORIGIN_SECRETS: JSON.stringify(bound) };
  cluster = await startTestCluster(settings, logs, { ORIGIN_SECRET: "open-sesame" });
  const names = ["42", "unseen", "away", "broken", "text", "large", "foreign"];
  const assets = names.map((name) => ({
    id: `film-${name}`,
    origin: {
      type: "http",
      url: `http://127.0.0.1:${port}/films/${name}/`,
      auth: { type: "header", name: "X-Origin-Secret", secret: "ORIGIN_SECRET" },
    },
    entry: "index.m3u8",
  }));
  const catalog = await cluster.miniflare.getKVNamespace("CATALOG", "stagedoor-api");
  await catalog.put("catalog", JSON.stringify({ version: 1, assets }));
});

afterAll(async () => {
  await cluster.stop();
  origin.close();
});

describe("an HTTP origin that requires a secret header", () => {
  it("plays a stream whose files only the workers can read", async () => {
    const { manifestUrl } = await startStream(cluster.addresses, "film-42");
    const { playlists, files } = await walk(manifestUrl);
    expect(playlists.size).toBe(1);
    expect(files.size).toBe(6);
    for (const url of files) expect((await fetch(url)).status).toBe(200);
  });

  it("never sees a grant, a signature, a token or a query parameter that a player appended", async () => {
    // No cache has this stream yet, so every request reaches the origin.
    const { manifestUrl } = await startStream(cluster.addresses, "film-unseen");
    requests.length = 0;
    const playlist = await fetch(`${manifestUrl}&_HLS_msn=7&_HLS_part=x&evil=1`);
    const url = urisOf(await playlist.text(), manifestUrl).find(({ kind }) => kind === "file")?.url ?? "";
    await fetch(`${url}&CMCD=br%3D1000`, {
      headers: { Authorization: "Bearer secret", Cookie: "a=b", Referer: url, Range: "bytes=5-9" },
    });
    const grant = new URL(manifestUrl).pathname.split("/")[1] ?? "";
    for (const request of requests) {
      expect(JSON.stringify(request)).not.toContain(grant);
      expect(JSON.stringify(request)).not.toMatch(/seg=|list=|CMCD|evil|Bearer|a=b|_HLS_/);
    }
    // The film's playlists do not offer blocking reloads, so the workers forward no delivery directive either.
    expect(new Set(requests.map(({ url }) => url))).toEqual(
      new Set(["/films/unseen/0.ts", "/films/unseen/index.m3u8"]),
    );
  });

  it.each([
    ["film-away", 502, "origin_failed", "the origin redirects to another host"],
    ["film-broken", 502, "origin_failed", "the origin fails"],
    ["film-text", 422, "playlist_invalid", "the file is not a playlist"],
    ["film-large", 413, "playlist_too_large", "the playlist exceeds 4 MiB"],
    ["film-foreign", 422, "uri_foreign", "the playlist names a foreign host"],
  ])("makes %s fail with %i %s: %s", async (asset, status, code) => {
    const { manifestUrl } = await startStream(cluster.addresses, asset);
    const response = await fetch(manifestUrl);
    expect(response.status).toBe(status);
    expect(Object(await response.json()).code).toBe(code);
    expect(logs.some((line) => line.includes(code))).toBe(true);
  });

  it("leaves no secret, token, grant or signature in the log", async () => {
    const { manifestUrl } = await startStream(cluster.addresses, "film-42");
    await fetch(`${manifestUrl.slice(0, -1)}!`);
    const all = logs.join("\n");
    expect(all).toContain("signature_");
    for (const secret of [
      "open-sesame",
      new URL(manifestUrl).pathname.split("/")[1] ?? "",
      ...cluster.addresses.keys.map((key) => ("k" in key ? key.k : (key.d ?? ""))),
    ]) {
      expect(all).not.toContain(secret);
    }
  });
});
