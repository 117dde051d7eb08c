import { createServer, type Server, type ServerResponse } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startStream } from "../cluster/start-stream.ts";
import { startTestCluster } from "../cluster/test-cluster.ts";
import { urisOf } from "../cluster/walk.ts";

/** Milliseconds. The stream began at 1970, so that every process knows how far it is. */
const [segmentLength, partLength] = [2000, 500];
const partsOfSegment = segmentLength / partLength;
const segmentNow = () => Math.floor(Date.now() / segmentLength);

/** Every request that the origin had: path and query. */
const seen: string[] = [];
const logs: string[] = [];
let origin: Server;
let cluster: Awaited<ReturnType<typeof startTestCluster>>;
let isDown = false;

/** A window of five segments, cut by the clock. */
function slidingWindow(): string {
  const first = segmentNow() - 5;
  const lines = ["#EXTM3U", "#EXT-X-TARGETDURATION:2", `#EXT-X-MEDIA-SEQUENCE:${first}`];
  for (let i = first; i < segmentNow(); i++) lines.push("#EXTINF:2,", `${i}.ts`);
  return `${lines.join("\n")}\n`;
}

/** The same with parts of the coming segment, for players that wait for each. */
function lowLatency(skip: boolean): string {
  const first = segmentNow() - 8;
  const lines = ["#EXTM3U", "#EXT-X-TARGETDURATION:2", "#EXT-X-PART-INF:PART-TARGET=0.5"];
  lines.push("#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.5,CAN-SKIP-UNTIL=12");
  lines.push("#EXT-X-VERSION:9", `#EXT-X-MEDIA-SEQUENCE:${first}`);
  if (skip) lines.push("#EXT-X-SKIP:SKIPPED-SEGMENTS=2");
  for (let i = first + (skip ? 2 : 0); i < segmentNow(); i++) lines.push("#EXTINF:2,", `${i}.mp4`);
  const parts = Math.floor((Date.now() % segmentLength) / partLength);
  const part = (i: number) => `URI="${segmentNow()}.${i}.mp4"`;
  for (let i = 0; i < parts; i++) lines.push(`#EXT-X-PART:DURATION=0.5,${part(i)}`);
  lines.push(`#EXT-X-PRELOAD-HINT:TYPE=PART,${part(parts)}`);
  return `${lines.join("\n")}\n`;
}

/** Answers a blocking reload when the playlist holds what it names. */
function answerWhenHeld(query: URLSearchParams, response: ServerResponse): void {
  const [segment, part] = [Number(query.get("_HLS_msn")), query.get("_HLS_part")];
  const end = part === null ? (segment + 1) * segmentLength : segment * segmentLength + (Number(part) + 1) * partLength;
  const wait = query.has("_HLS_msn") ? Math.max(0, end - Date.now()) : 0;
  setTimeout(() => response.end(lowLatency(query.has("_HLS_skip"))), wait);
}

beforeAll(async () => {
  origin = createServer(({ url = "" }, response) => {
    seen.push(url);
    const { pathname, searchParams } = new URL(url, "http://origin");
    if (isDown) response.writeHead(500).end();
    else if (pathname.endsWith("/index.m3u8")) response.end("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nmedia.m3u8\n");
    else if (pathname === "/ll/media.m3u8") answerWhenHeld(searchParams, response);
    else response.end(slidingWindow());
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

const pause = (length: number) => new Promise((resolve) => setTimeout(resolve, length));

async function text(url: string): Promise<string> {
  const response = await fetch(url);
  if (response.status !== 200) throw new Error(`answered ${response.status}: ${await response.text()}`);
  return response.text();
}

/** The address of an asset's media playlist, for so many sessions. */
async function sessions(asset: string, count: number): Promise<string[]> {
  const started = Array.from({ length: count }, async () => {
    const { manifestUrl } = await startStream(cluster.addresses, asset);
    const [media] = urisOf(await text(manifestUrl), manifestUrl);
    if (media === undefined) throw new Error("no media playlist");
    return media.url;
  });
  return Promise.all(started);
}

/** The segment and the part that a playlist is about to have. */
function nextOf(playlist: string): { readonly segment: number; readonly part: number } {
  const first = Number(/MEDIA-SEQUENCE:(\d+)/.exec(playlist)?.[1]);
  const skipped = Number(/SKIPPED-SEGMENTS=(\d+)/.exec(playlist)?.[1] ?? 0);
  const segments = playlist.match(/^#EXTINF/gm)?.length ?? 0;
  return { segment: first + skipped + segments, part: playlist.match(/^#EXT-X-PART:/gm)?.length ?? 0 };
}

describe("a live playlist with many viewers", () => {
  it("costs its origin two requests a version at most", async () => {
    const urls = await sessions("live", 30);
    seen.length = 0;
    const begun = segmentNow();
    const last: number[] = [];
    while (segmentNow() < begun + 6) {
      const playlists = await Promise.all(urls.map(text));
      last.push(...playlists.map((playlist) => nextOf(playlist).segment));
      await pause(300);
    }
    const versions = segmentNow() - begun + 1;
    expect(last.length).toBeGreaterThan(300);
    expect(Math.max(...last)).toBeGreaterThan(begun + 3);
    const asked = seen.filter((url) => url.startsWith("/live/media.m3u8"));
    expect(asked.length).toBeGreaterThanOrEqual(3);
    expect(asked.length).toBeLessThanOrEqual(2 * versions);
  });

  it("goes on from the last version for a while where its origin fails, and the failure is logged", async () => {
    const [url = ""] = await sessions("failing", 1);
    await text(url);
    isDown = true;
    try {
      await pause(2100);
      expect(await text(url)).toContain(".ts?seg=");
      expect(logs.some((line) => line.includes("origin_failed"))).toBe(true);
      await pause(5000);
      expect((await fetch(url)).status).toBe(502);
    } finally {
      isDown = false;
    }
  });
});

describe("blocking reload with many viewers", () => {
  it.each([
    ["", ""],
    [" of delta updates", "&_HLS_skip=YES"],
  ])("costs the origin one request a part%s, and each viewer gets what he waited for", async (_, skip) => {
    const urls = await sessions("ll", 20);
    await text(urls[0] ?? "");
    seen.length = 0;
    const end = Date.now() + 5000;
    const watch = async (url: string) => {
      let next = nextOf(await text(url));
      while (Date.now() < end) {
        const got = await text(`${url}&_HLS_msn=${next.segment}&_HLS_part=${next.part}${skip}`);
        const reached = nextOf(got);
        const asked = next.segment * partsOfSegment + next.part;
        expect(reached.segment * partsOfSegment + reached.part).toBeGreaterThan(asked);
        expect(got.includes("#EXT-X-SKIP:")).toBe(skip !== "");
        next = reached;
      }
    };
    await Promise.all(urls.map(watch));
    const waited = seen.filter((url) => url.includes("_HLS_msn="));
    expect(waited.length).toBeGreaterThanOrEqual(8);
    expect(waited.length).toBeLessThanOrEqual(14);
    expect(new Set(waited).size).toBe(waited.length);
    expect(waited.every((url) => url.endsWith(skip) && url.startsWith("/ll/media.m3u8?_HLS_msn="))).toBe(true);
  });

  it("goes on for the others where the one who asked first has left", async () => {
    const [first = "", second = ""] = await sessions("ll", 2);
    // The second part from now on, so that there is time to come and go.
    const now = nextOf(await text(first));
    const position = now.segment * partsOfSegment + now.part + 2;
    const query = `&_HLS_msn=${Math.floor(position / partsOfSegment)}&_HLS_part=${position % partsOfSegment}`;
    seen.length = 0;
    const leaving = new AbortController();
    const left = fetch(first + query, { signal: leaving.signal });
    await pause(100);
    const staying = text(second + query);
    await pause(100);
    leaving.abort();
    await expect(left).rejects.toThrow();
    const reached = nextOf(await staying);
    expect(reached.segment * partsOfSegment + reached.part).toBeGreaterThan(position);
    expect(seen.filter((url) => url.includes("_HLS_msn="))).toHaveLength(1);
  });

  it("was all asked of the Durable Object, and never around it", () => {
    expect(logs.filter((line) => line.includes("store_unavailable"))).toEqual([]);
  });
});
