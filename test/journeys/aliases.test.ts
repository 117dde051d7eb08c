import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { browserPlayer } from "../../proof/browser-player.ts";
import { startPageServer } from "../../proof/page-server.ts";
import { oddEntry, oddFiles, startOddOrigin } from "../cluster/odd-origin.ts";
import { rawRequest } from "../cluster/raw-request.ts";
import { startStream } from "../cluster/start-stream.ts";
import { startTestCluster } from "../cluster/test-cluster.ts";
import { walk } from "../cluster/walk.ts";

let origin: Awaited<ReturnType<typeof startOddOrigin>>;
let cluster: Awaited<ReturnType<typeof startTestCluster>>;

beforeAll(async () => {
  origin = await startOddOrigin();
  cluster = await startTestCluster({});
  const http = { type: "http", url: origin.url };
  const assets = [
    { id: "odd-http", origin: http, entry: oddEntry },
    { id: "odd-bucket", origin: { type: "r2", binding: "MEDIA", prefix: "odd/" }, entry: oddEntry },
    {
      id: "odd-cloud",
      origin: { ...http, url: origin.url.replace("127.0.0.1", "localhost") },
      entry: oddEntry,
      cdn: "cloudfront-signed",
      cloudfront: { keyPairId: "dev-cloudfront-rsa" },
    },
  ];
  const catalog = await cluster.miniflare.getKVNamespace("CATALOG", "stagedoor-api");
  await catalog.put("catalog", JSON.stringify({ version: 1, assets }));
  const bucket = await cluster.miniflare.getR2Bucket("MEDIA", "stagedoor-edge");
  for (const [target, body] of oddFiles("/odd/")) {
    const [path = ""] = target.split("?", 1);
    await bucket.put(`odd/${decodeURIComponent(path)}`, new Uint8Array(body));
  }
});

afterAll(async () => {
  await cluster.stop();
  origin.stop();
});

/** The bytes of a stream's files, in the order of its playlist. */
async function bytesOf(asset: string): Promise<readonly string[]> {
  const { manifestUrl } = await startStream(cluster.addresses, asset);
  const { files } = await walk(manifestUrl);
  const bytes: string[] = [];
  for (const url of files) {
    const response = await fetch(url);
    expect(response.status).toBe(200);
    expect(response.headers.get("Content-Type")).toBe("video/mp2t");
    bytes.push(Buffer.from(await response.arrayBuffer()).toString("base64"));
  }
  return bytes;
}

const segments = () => [...origin.files.values()].slice(2).map((body) => body.toString("base64"));

describe("a stream whose URLs are not canonical", () => {
  it("plays from an HTTP origin, which sees the exact bytes of each request line", async () => {
    origin.requests.length = 0;
    expect(await bytesOf("odd-http")).toEqual(segments());
    expect(new Set(origin.requests)).toEqual(new Set(origin.files.keys()));
  });

  it("plays from a bucket, whose keys are the decoded paths", async () => {
    expect(await bytesOf("odd-bucket")).toEqual(segments());
  });

  it("serves byte ranges, and only at the media host's aliases", async () => {
    const { manifestUrl } = await startStream(cluster.addresses, "odd-http");
    const { playlists, files } = await walk(manifestUrl);
    for (const url of [...playlists.keys(), ...files]) expect(url).toMatch(/\/odd-http\/~\/[\w-]+\.(m3u8|ts)\?/);
    const [url = ""] = files;
    const part = await fetch(url, { headers: { Range: "bytes=188-375" } });
    const first = Buffer.from(segments()[0] ?? "", "base64");
    expect([part.status, Buffer.from(await part.arrayBuffer())]).toEqual([206, first.subarray(188, 376)]);
    const { pathname, search } = new URL(url);
    const plain = pathname.replace(/~\/.*/, "low;v=1//ts//0.ts") + search;
    expect((await rawRequest(cluster.addresses.mediaUrl, plain)).status).toBe(400);
    expect((await fetch(url.replace(".ts?", ".mp4?"))).status).toBe(403);
  });

  it("plays with CloudFront's URLs in CloudFront's own encoding, even without CloudFront in front", async () => {
    const { manifestUrl } = await startStream(cluster.addresses, "odd-cloud");
    const { files } = await walk(manifestUrl);
    const bytes: string[] = [];
    for (const url of files) {
      const response = await rawRequest(cluster.addresses.mediaUrl, url.slice(cluster.addresses.mediaUrl.length));
      if (url.includes("%2A"))
        expect(response.status).toBe(404); // The origin knows its wildcard in one encoding only.
      else bytes.push(response.body.toString("base64"));
    }
    expect([...files][1]).toContain("/odd-cloud/low;v=1//a;v=1/1.ts?Expires=");
    expect(bytes).toEqual(segments().filter((_, i) => i !== 4));
  });
});

describe("a stream whose URLs are not canonical, in a real player", () => {
  let site: Awaited<ReturnType<typeof startPageServer>>;
  beforeAll(async () => {
    site = await startPageServer();
  });
  afterAll(() => site.stop());

  it.each(["hls", "shaka", "videojs"] as const)("plays to its end in %s", { timeout: 120_000 }, async (page) => {
    const player = browserPlayer(page, "", ["seek"], page, site);
    const { manifestUrl } = await startStream(cluster.addresses, "odd-http");
    const playback = await player.open(manifestUrl, "aliases", {});
    try {
      await playback.play();
      await expect.poll(async () => (await playback.state()).frames, { timeout: 30_000 }).toBeGreaterThan(0);
      await playback.seek(21);
      await expect.poll(async () => (await playback.state()).ended, { timeout: 60_000, interval: 200 }).toBe(true);
      expect((await playback.state()).fatal).toEqual([]);
    } finally {
      await playback.stop();
    }
  });
});
