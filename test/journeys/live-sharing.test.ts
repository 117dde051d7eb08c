import { createServer, type Server, type ServerResponse } from "node:http";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { startStream } from "../cluster/start-stream.ts";
import { startTestCluster } from "../cluster/test-cluster.ts";
import { urisOf } from "../cluster/walk.ts";

/** In milliseconds. The stream began in 1970, so every process computes the same position. */
const segmentLength = 2000;
const partsOfSegment = 4;
const segmentNow = () => Math.floor(Date.now() / segmentLength);

/** The path and query of every request to the origin. */
const requests: string[] = [];
const logs: string[] = [];
let origin: Server;
let cluster: Awaited<ReturnType<typeof startTestCluster>>;
let isDown = false;

/** A window of five segments that the clock decides. */
function slidingWindow(targetDuration: number): string {
  const first = segmentNow() - 5;
  const lines = ["#EXTM3U", `#EXT-X-TARGETDURATION:${targetDuration}`, `#EXT-X-MEDIA-SEQUENCE:${first}`];
  for (let i = first; i < segmentNow(); i++) lines.push("#EXTINF:2,", `${i}.ts`);
  return `${lines.join("\n")}\n`;
}

/** The number of parts of the low-latency stream. The test publishes each one, so no clock decides. */
let published = 4000;
const waiting = new Set<() => void>();

function publishPart(): void {
  published++;
  for (const respond of waiting) respond();
}

/** The delivery directives of a part, given the number of parts before it. */
const directives = (parts: number) =>
  `_HLS_msn=${Math.floor(parts / partsOfSegment)}&_HLS_part=${parts % partsOfSegment}`;

function lowLatency(skip: boolean): string {
  const [last, parts] = [Math.floor(published / partsOfSegment), published % partsOfSegment];
  const first = last - 8;
  const lines = ["#EXTM3U", "#EXT-X-TARGETDURATION:2", "#EXT-X-PART-INF:PART-TARGET=0.5"];
  lines.push("#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.5,CAN-SKIP-UNTIL=12");
  lines.push("#EXT-X-VERSION:9", `#EXT-X-MEDIA-SEQUENCE:${first}`);
  if (skip) lines.push("#EXT-X-SKIP:SKIPPED-SEGMENTS=2");
  for (let i = first + (skip ? 2 : 0); i < last; i++) lines.push("#EXTINF:2,", `${i}.mp4`);
  const part = (i: number) => `URI="${last}.${i}.mp4"`;
  for (let i = 0; i < parts; i++) lines.push(`#EXT-X-PART:DURATION=0.5,${part(i)}`);
  lines.push(`#EXT-X-PRELOAD-HINT:TYPE=PART,${part(parts)}`);
  return `${lines.join("\n")}\n`;
}

/** Answers a blocking reload as soon as the playlist has the requested part. */
function answerWhenPublished(query: URLSearchParams, response: ServerResponse): void {
  const requested = Number(query.get("_HLS_msn") ?? 0) * partsOfSegment + Number(query.get("_HLS_part") ?? 0);
  const respond = () => {
    if (published <= requested) return;
    waiting.delete(respond);
    response.end(lowLatency(query.has("_HLS_skip")));
  };
  waiting.add(respond);
  respond();
}

beforeAll(async () => {
  origin = createServer(({ url = "" }, response) => {
    requests.push(url);
    const { pathname, searchParams } = new URL(url, "http://origin");
    if (isDown) response.writeHead(500).end();
    else if (pathname.endsWith("/index.m3u8")) response.end("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nmedia.m3u8\n");
    else if (pathname === "/ll/media.m3u8") answerWhenPublished(searchParams, response);
    else response.end(slidingWindow(pathname.startsWith("/failing/") ? 60 : 2));
  });
  await new Promise<void>((resolve) => origin.listen(0, "127.0.0.1", resolve));
  const address = origin.address();
  const port = address !== null && typeof address === "object" ? address.port : 0;
  cluster = await startTestCluster({}, logs);
  const assets = ["live", "failing", "ll"].map((id) => ({
    id,
    origin: { type: "http", url: `http://127.0.0.1:${port}/${id}/` },
    entry: "index.m3u8",
  }));
  const catalog = await cluster.miniflare.getKVNamespace("CATALOG", "stagedoor-api");
  await catalog.put("catalog", JSON.stringify({ version: 1, assets }));
});

afterAll(async () => {
  await cluster.stop();
  origin.closeAllConnections();
  origin.close();
});

async function text(url: string): Promise<string> {
  const response = await fetch(url);
  if (response.status !== 200) throw new Error(`answered ${response.status}: ${await response.text()}`);
  return response.text();
}

/** Starts this many sessions and returns the media playlist URL of each. */
async function sessions(asset: string, count: number): Promise<string[]> {
  const started = Array.from({ length: count }, async () => {
    const { manifestUrl } = await startStream(cluster.addresses, asset);
    const [media] = urisOf(await text(manifestUrl), manifestUrl);
    if (media === undefined) throw new Error("no media playlist");
    return media.url;
  });
  return Promise.all(started);
}

/** The number of parts up to the end of a playlist, counted as in `published`. */
function partsIn(playlist: string): number {
  const first = Number(/MEDIA-SEQUENCE:(\d+)/.exec(playlist)?.[1]);
  const skipped = Number(/SKIPPED-SEGMENTS=(\d+)/.exec(playlist)?.[1] ?? 0);
  const segments = playlist.match(/^#EXTINF/gm)?.length ?? 0;
  return (first + skipped + segments) * partsOfSegment + (playlist.match(/^#EXT-X-PART:/gm)?.length ?? 0);
}

const blockingReloads = () => requests.filter((url) => url.includes("_HLS_msn="));

/** Waits until the origin has this many blocking reloads. */
const untilReloads = (count: number) =>
  vi.waitFor(() => expect(blockingReloads().length).toBeGreaterThanOrEqual(count), 30_000);

describe("a live playlist with 30 viewers", () => {
  it("costs its origin at most two requests per version", async () => {
    const urls = await sessions("live", 30);
    requests.length = 0;
    const start = segmentNow();
    let last = 0;
    while (last < (start + 3) * partsOfSegment)
      last = Math.max(last, ...(await Promise.all(urls.map(text))).map(partsIn));
    const versions = segmentNow() - start + 1;
    const originRequests = requests.filter((url) => url.startsWith("/live/media.m3u8"));
    expect(originRequests.length).toBeGreaterThanOrEqual(2);
    expect(originRequests.length).toBeLessThanOrEqual(2 * versions);
  });

  it("continues from the last version while its origin fails, and the failure is logged", async () => {
    const [url = ""] = await sessions("failing", 1);
    await text(url);
    isDown = true;
    try {
      await vi.waitFor(async () => {
        expect(await text(url)).toContain(".ts?seg=");
        expect(logs.join("")).toContain("origin_failed");
      }, 30_000);
    } finally {
      isDown = false;
    }
  });
});

describe("blocking reload with 20 viewers", () => {
  it.each([
    ["", ""],
    [" of delta updates", "&_HLS_skip=YES"],
  ])("costs the origin one request per part%s, and each viewer gets the part that they requested", async (_, skip) => {
    const urls = await sessions("ll", 20);
    await Promise.all(urls.map(text));
    requests.length = 0;
    for (let part = 1; part <= 6; part++) {
      const next = published;
      const playlists = urls.map((url) => text(`${url}&${directives(next)}${skip}`));
      await untilReloads(part);
      publishPart();
      for (const playlist of await Promise.all(playlists)) {
        expect(partsIn(playlist)).toBe(next + 1);
        expect(playlist.includes("#EXT-X-SKIP:")).toBe(skip !== "");
      }
    }
    const expected = Array.from({ length: 6 }, (_, i) => `/ll/media.m3u8?${directives(published - 6 + i)}${skip}`);
    expect(blockingReloads()).toEqual(expected);
  });

  it("continues for the other viewers when the first one disconnects", async () => {
    const [first = "", second = ""] = await sessions("ll", 2);
    const next = published;
    requests.length = 0;
    const leaving = new AbortController();
    const aborted = fetch(`${first}&${directives(next)}`, { signal: leaving.signal });
    await untilReloads(1);
    const staying = text(`${second}&${directives(next)}`);
    // When this response is there, the request before it very likely waits already.
    await text(second);
    leaving.abort();
    await expect(aborted).rejects.toThrow();
    publishPart();
    expect(partsIn(await staying)).toBe(next + 1);
    expect(blockingReloads()).toHaveLength(1);
  });

  it("always goes through the Durable Object", () => {
    expect(logs.filter((line) => line.includes("store_unavailable"))).toEqual([]);
  });
});
