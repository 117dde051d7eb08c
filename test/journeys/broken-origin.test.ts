import type { Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { httpText, type RawOrigin, startRawOrigin } from "../cluster/raw-origin.ts";
import { startStream } from "../cluster/start-stream.ts";
import { startTestCluster } from "../cluster/test-cluster.ts";
import { walk } from "../cluster/walk.ts";

const body = "0123456789".repeat(20_000);
const half = body.slice(0, body.length / 2);
const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;

/** How an origin begins each file, and how the transfer breaks off. */
const measured = { head: httpText("200 OK", { "Content-Length": String(body.length), ETag: '"1"' }), piece: half };
const chunked = { head: httpText("200 OK", { "Transfer-Encoding": "chunked", ETag: '"1"' }), piece: chunk(half) };
const ends = (socket: Socket) => void socket.end();
const resets = (socket: Socket) => void socket.resetAndDestroy();
const ways = {
  "measured-ends": { ...measured, breakOff: ends },
  "measured-resets": { ...measured, breakOff: resets },
  "measured-empty": { ...measured, piece: "", breakOff: ends },
  "chunked-ends": { ...chunked, breakOff: ends },
  "chunked-resets": { ...chunked, breakOff: resets },
  "chunked-without-last": { ...chunked, piece: chunk(body), breakOff: ends },
} as const;
type Way = keyof typeof ways;
const names = Object.keys(ways).flatMap((way) => [`${way}-once`, `${way}-always`]);

let origin: RawOrigin;
let cluster: Awaited<ReturnType<typeof startTestCluster>>;
const urls = new Map<string, string>();

/** By file: settles once the second request has its response. The first response breaks off only then. */
const second = new Map(names.map((name) => [name, Promise.withResolvers<void>()]));
/** The `-always` files that the origin sends whole from now on. */
const fixed = new Set<string>();

async function respond(socket: Socket, target: string): Promise<void> {
  const name = /^\/film\/(.+)\.ts$/.exec(target)?.[1];
  if (name === undefined) {
    const lines = ["#EXTM3U", "#EXT-X-TARGETDURATION:4", ...names.map((file) => `#EXTINF:4,\n${file}.ts`)];
    return void socket.end(httpText("200 OK", {}, `${lines.join("\n")}\n#EXT-X-ENDLIST\n`));
  }
  const way = ways[name.replace(/-(once|always)$/, "") as Way];
  const times = origin.targets.filter((other) => other === target).length;
  const whole = name.endsWith("-once") ? times > 1 : fixed.has(name);
  if (whole) {
    const last = way.head.includes("chunked") ? `${chunk(body)}0\r\n\r\n` : body;
    return void socket.end(way.head + last, () => second.get(name)?.resolve());
  }
  socket.write(way.head + way.piece);
  if (name.endsWith("-once")) await second.get(name)?.promise;
  // The bytes must arrive before the reset.
  setImmediate(() => way.breakOff(socket));
}

beforeAll(async () => {
  origin = await startRawOrigin(respond);
  cluster = await startTestCluster({});
  const catalog = await cluster.miniflare.getKVNamespace("CATALOG", "stagedoor-api");
  const asset = { id: "film", origin: { type: "http", url: `${origin.url}/film/` }, entry: "index.m3u8" };
  await catalog.put("catalog", JSON.stringify({ version: 1, assets: [asset] }));
  const { manifestUrl } = await startStream(cluster.addresses, "film");
  for (const url of (await walk(manifestUrl)).files) urls.set(/([^/]+)\.ts/.exec(url)?.[1] ?? "", url);
});

afterAll(async () => {
  await cluster.stop();
  origin.stop();
});

const requestCount = (name: string) => origin.targets.filter((target) => target === `/film/${name}.ts`).length;

/** The text of a file as a viewer receives it, or undefined if the transfer breaks off. */
async function load(name: string, headers: Record<string, string> = {}): Promise<string | undefined> {
  try {
    const response = await fetch(urls.get(name) ?? "", { headers });
    return await response.text();
  } catch {
    return undefined;
  }
}

describe("an origin that breaks off in the middle of a file", () => {
  it.each(Object.keys(ways))(
    "with %s never gives another viewer the truncated file, even during the transfer",
    async (way) => {
      const name = `${way}-once`;
      const first = load(name);
      while (requestCount(name) === 0) await new Promise((resolve) => setImmediate(resolve));
      expect(await load(name)).toBe(body);
      expect(await first).toBeUndefined();
      for (let i = 0; i < 5; i++) {
        expect(await load(name)).toBe(body);
        expect(await load(name, { Range: "bytes=0-9" })).toMatch(/^0123456789(?:0123456789)*$/);
        const last = await load(name, { Range: "bytes=199990-" });
        expect(last === body || last === body.slice(-10)).toBe(true);
      }
    },
  );

  it.each(Object.keys(ways))(
    "with %s is requested again for each viewer until it sends the whole file",
    async (way) => {
      const name = `${way}-always`;
      for (let i = 1; i <= 5; i++) {
        expect(await load(name, i % 2 === 0 ? { Range: "bytes=0-9" } : {})).toBeUndefined();
        expect(requestCount(name)).toBeGreaterThanOrEqual(i);
      }
      fixed.add(name);
      expect(await load(name)).toBe(body);
      await untilCached(name);
    },
  );
});

/** Waits until a file comes from the cache, which is filled after the viewer has the response. */
async function untilCached(name: string): Promise<void> {
  for (let before = -1; before !== requestCount(name); ) {
    before = requestCount(name);
    expect(await load(name, { Range: "bytes=10-19" })).toContain("0123456789");
  }
}
