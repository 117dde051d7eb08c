import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { projectRoot } from "../../cli/lib/project.ts";
import { startPageServer } from "../../proof/page-server.ts";
import { startStream } from "../cluster/start-stream.ts";
import { startTestCluster } from "../cluster/test-cluster.ts";
import { browserForFile } from "./browsing.ts";
import { openFilm, watchToEnd } from "./film.ts";
import { refusals, type Traffic } from "./traffic.ts";

const media = join(projectRoot, "fixtures/media/vod-single");
const film = readFileSync(join(media, "index.m3u8"), "utf8").replace(/(\d)\.ts/g, "film/$1.ts");
const dateRange =
  '#EXT-X-PROGRAM-DATE-TIME:2030-01-01T00:00:00.000Z\n#EXT-X-DATERANGE:ID="ad",CLASS="com.apple.hls.interstitial",START-DATE="2030-01-01T00:00:04.000Z",X-ASSET-LIST="ads.json",X-RESUME-OFFSET=0\n';

let steeringRequests = 0;

/**
 * The responses of the origin, except the film's segments. Steering manifests and asset lists are made for each
 * request.
 */
const documents: Readonly<Record<string, () => string>> = {
  "/steered/index.m3u8": () =>
    '#EXTM3U\n#EXT-X-CONTENT-STEERING:SERVER-URI="steering.json",PATHWAY-ID="one"\n#EXT-X-STREAM-INF:BANDWIDTH=300000,PATHWAY-ID="one"\nmedia.m3u8\n',
  "/steered/media.m3u8": () => film,
  "/steered/steering.json": () =>
    JSON.stringify({
      VERSION: 1,
      TTL: 1,
      "RELOAD-URI": `steering.json?round=${++steeringRequests}`,
      "PATHWAY-PRIORITY": ["one"],
    }),
  "/interrupted/index.m3u8": () => film.replace("#EXTINF", `${dateRange}#EXTINF`),
  "/interrupted/ads.json": () => JSON.stringify({ ASSETS: [{ URI: "spot/index.m3u8", DURATION: 4 }] }),
  "/interrupted/spot/index.m3u8": () =>
    "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\nspot.ts\n#EXT-X-ENDLIST\n",
};

let origin: Server;
let cluster: Awaited<ReturnType<typeof startTestCluster>>;
let players: Awaited<ReturnType<typeof startPageServer>>;
const inTab = browserForFile();

beforeAll(async () => {
  origin = createServer(({ url = "" }, response) => {
    const path = url.replace(/\?.*/, "");
    const segment = path.endsWith("spot.ts") ? "5.ts" : path.slice(path.lastIndexOf("/") + 1);
    response.end(documents[path]?.() ?? readFileSync(join(media, segment)));
  });
  await new Promise<void>((resolve) => origin.listen(0, "127.0.0.1", resolve));
  const address = origin.address();
  const port = address !== null && typeof address === "object" ? address.port : 0;
  cluster = await startTestCluster({});
  const assets = ["steered", "interrupted"].map((id) => ({
    id,
    origin: { type: "http", url: `http://127.0.0.1:${port}/${id}/` },
    entry: "index.m3u8",
  }));
  const catalog = await cluster.miniflare.getKVNamespace("CATALOG", "stagedoor-api");
  await catalog.put("catalog", JSON.stringify({ version: 1, assets }));
  players = await startPageServer();
});

afterAll(async () => {
  players.stop();
  await cluster.stop();
  origin.close();
});

const loaded = ({ responses }: Traffic, name: string) =>
  responses.filter(({ url, status }) => status === 200 && new URL(url).pathname.endsWith(name));

describe("a JSON document that a playlist refers to", () => {
  it("steers hls.js for the whole session by its signed RELOAD-URI", () =>
    inTab(async ({ page, traffic, site }) => {
      const { manifestUrl } = await startStream(cluster.addresses, "steered");
      await openFilm(page, site, manifestUrl);
      await expect.poll(() => loaded(traffic, "/steering.json").length, { timeout: 40_000 }).toBeGreaterThan(4);
      const queries = loaded(traffic, "/steering.json").map(({ url }) => new URL(url).searchParams);
      expect(queries.every((query) => /^\d{10}\.[\w-]{22}$/.test(query.get("list") ?? ""))).toBe(true);
      expect(queries.slice(1).every((query) => query.has("round"))).toBe(true);
      expect(refusals(traffic)).toEqual([]);
    }));

  it("inserts the asset's own ad in hls.js", () =>
    inTab(async ({ page, traffic, site }) => {
      const { manifestUrl } = await startStream(cluster.addresses, "interrupted");
      await openFilm(page, site, manifestUrl, { rate: 4 });
      await expect.poll(() => loaded(traffic, "/spot/spot.ts").length, { timeout: 40_000 }).toBeGreaterThan(0);
      const { fatal, ended } = await watchToEnd(page);
      expect({ fatal, ended }).toEqual({ fatal: [], ended: true });
      expect(loaded(traffic, "/ads.json")).toHaveLength(1);
      expect(refusals(traffic)).toEqual([]);
    }));

  it("inserts the asset's own ad in Shaka", () =>
    inTab(async ({ page, traffic }) => {
      const { manifestUrl } = await startStream(cluster.addresses, "interrupted");
      await page.goto(players.urlOf("shaka"));
      await page.waitForFunction(() => window.controls !== undefined);
      await page.evaluate((url) => window.controls.open(url, {}), manifestUrl);
      await expect.poll(() => loaded(traffic, "/spot/spot.ts").length, { timeout: 40_000 }).toBeGreaterThan(0);
      await page.waitForFunction(() => window.controls.state().time > 5, undefined, { timeout: 40_000 });
      expect(await page.evaluate(() => window.controls.state().fatal)).toEqual([]);
      expect(refusals(traffic)).toEqual([]);
    }));
});
