import { createServer, type Server, type ServerResponse } from "node:http";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { startStream } from "../cluster/start-stream.ts";
import { startTestCluster } from "../cluster/test-cluster.ts";
import { urisOf } from "../cluster/walk.ts";

/** Milliseconds. The stream began at 1970, so that every process knows how far it is. */
const segmentLength = 2000;
const partsOfSegment = 4;
const segmentNow = () => Math.floor(Date.now() / segmentLength);

/** Every request that the origin had: path and query. */
const seen: string[] = [];
const logs: string[] = [];
let origin: Server;
let cluster: Awaited<ReturnType<typeof startTestCluster>>;
let isDown = false;

/** A window of five segments, cut by the clock. */
function slidingWindow(targetDuration: number): string {
  const first = segmentNow() - 5;
  const lines = ["#EXTM3U", `#EXT-X-TARGETDURATION:${targetDuration}`, `#EXT-X-MEDIA-SEQUENCE:${first}`];
  for (let i = first; i < segmentNow(); i++) lines.push("#EXTINF:2,", `${i}.ts`);
  return `${lines.join("\n")}\n`;
}

/** How many parts the low-latency stream has. The test publishes each one, so that no clock decides what there is. */
let published = 4000;
const held = new Set<() => void>();

function publishPart(): void {
  published++;
  for (const answer of held) answer();
}

/** The segment and the part of a count of parts, as delivery directives. */
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

/** Answers a blocking reload as soon as the playlist holds the part that it names. */
function answerWhenHeld(query: URLSearchParams, response: ServerResponse): void {
  const wanted = Number(query.get("_HLS_msn") ?? 0) * partsOfSegment + Number(query.get("_HLS_part") ?? 0);
  const answer = () => {
    if (published <= wanted) return;
    held.delete(answer);
    response.end(lowLatency(query.has("_HLS_skip")));
  };
  held.add(answer);
  answer();
}

beforeAll(async () => {
  origin = createServer(({ url = "" }, response) => {
    seen.push(url);
    const { pathname, searchParams } = new URL(url, "http://origin");
    if (isDown) response.writeHead(500).end();
    else if (pathname.endsWith("/index.m3u8")) response.end("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nmedia.m3u8\n");
    else if (pathname === "/ll/media.m3u8") answerWhenHeld(searchParams, response);
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

/** How many parts a playlist holds, as `published` counts them. */
function partsIn(playlist: string): number {
  const first = Number(/MEDIA-SEQUENCE:(\d+)/.exec(playlist)?.[1]);
  const skipped = Number(/SKIPPED-SEGMENTS=(\d+)/.exec(playlist)?.[1] ?? 0);
  const segments = playlist.match(/^#EXTINF/gm)?.length ?? 0;
  return (first + skipped + segments) * partsOfSegment + (playlist.match(/^#EXT-X-PART:/gm)?.length ?? 0);
}

const waited = () => seen.filter((url) => url.includes("_HLS_msn="));

/** Until the origin holds a question for the next part. */
const untilWaited = (count: number) => vi.waitFor(() => expect(waited().length).toBeGreaterThanOrEqual(count), 30_000);

describe("a live playlist with many viewers", () => {
  it("costs its origin two requests a version at most", async () => {
    const urls = await sessions("live", 30);
    seen.length = 0;
    const begun = segmentNow();
    let last = 0;
    while (last < (begun + 3) * partsOfSegment)
      last = Math.max(last, ...(await Promise.all(urls.map(text))).map(partsIn));
    const versions = segmentNow() - begun + 1;
    const asked = seen.filter((url) => url.startsWith("/live/media.m3u8"));
    expect(asked.length).toBeGreaterThanOrEqual(2);
    expect(asked.length).toBeLessThanOrEqual(2 * versions);
  });

  it("goes on from the last version where its origin fails, and the failure is logged", async () => {
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

describe("blocking reload with many viewers", () => {
  it.each([
    ["", ""],
    [" of delta updates", "&_HLS_skip=YES"],
  ])("costs the origin one request a part%s, and each viewer gets the part that they waited for", async (_, skip) => {
    const urls = await sessions("ll", 20);
    await Promise.all(urls.map(text));
    seen.length = 0;
    for (let part = 1; part <= 6; part++) {
      const wanted = published;
      const playlists = urls.map((url) => text(`${url}&${directives(wanted)}${skip}`));
      await untilWaited(part);
      publishPart();
      for (const playlist of await Promise.all(playlists)) {
        expect(partsIn(playlist)).toBe(wanted + 1);
        expect(playlist.includes("#EXT-X-SKIP:")).toBe(skip !== "");
      }
    }
    const expected = Array.from({ length: 6 }, (_, i) => `/ll/media.m3u8?${directives(published - 6 + i)}${skip}`);
    expect(waited()).toEqual(expected);
  });

  it("goes on for the others where the one who asked first has left", async () => {
    const [first = "", second = ""] = await sessions("ll", 2);
    const wanted = published;
    seen.length = 0;
    const leaving = new AbortController();
    const left = fetch(`${first}&${directives(wanted)}`, { signal: leaving.signal });
    await untilWaited(1);
    const staying = text(`${second}&${directives(wanted)}`);
    // By the time that this one is answered, the one before it has most likely come to wait.
    await text(second);
    leaving.abort();
    await expect(left).rejects.toThrow();
    publishPart();
    expect(partsIn(await staying)).toBe(wanted + 1);
    expect(waited()).toHaveLength(1);
  });

  it("was all asked of the Durable Object, and never around it", () => {
    expect(logs.filter((line) => line.includes("store_unavailable"))).toEqual([]);
  });
});
