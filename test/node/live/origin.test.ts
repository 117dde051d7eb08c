import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { type LiveOrigin, startLiveOrigin } from "../../../cli/local/live-origin.ts";
import { unixMilliseconds } from "../../../src/base/time.ts";
import { readPlaylist } from "../../unit/live/reading.ts";

let origin: LiveOrigin;
let open: LiveOrigin;
/** The origin's time, which a test advances, and the number of times that the origin read it. */
let now = 1_800_000_000_100;
let clockReads = 0;
const clock = () => {
  clockReads++;
  return unixMilliseconds(now);
};
beforeAll(async () => {
  origin = await startLiveOrigin({ port: 0, clock });
  open = await startLiveOrigin({ port: 0, access: "anybody" });
});
afterAll(() => Promise.all([origin.stop(), open.stop()]));

const secret = () => origin.secrets.LIVE_ORIGIN_SECRET ?? "";
const get = (path: string, headers: Record<string, string> = {}, method = "GET") =>
  fetch(`${origin.url}${path}`, { method, headers: { "X-Live-Origin-Secret": secret(), ...headers } });
const playlist = async () => readPlaylist(await (await get("/live-ll/180p/index.m3u8")).text());

describe("the live origin", () => {
  it("listens only on this machine", () => {
    expect(origin.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  });

  it("requires a secret that is different for each start", async () => {
    expect((await fetch(`${origin.url}/live/index.m3u8`)).status).toBe(403);
    expect((await get("/live/index.m3u8", { "X-Live-Origin-Secret": `${secret()}x` })).status).toBe(403);
    expect((await get("/live/index.m3u8")).status).toBe(200);
    expect(secret()).toMatch(/^[\w-]{43}$/);
    expect(open.secrets).not.toEqual(origin.secrets);
  });

  it('is open to pages of any site with `access: "anybody"`', async () => {
    const response = await fetch(`${open.url}/live/index.m3u8`);
    expect([response.status, response.headers.get("Access-Control-Allow-Origin")]).toEqual([200, "*"]);
  });

  it("sends media types, and marks media as immutable", async () => {
    const entry = await get("/live/index.m3u8");
    expect(entry.headers.get("Content-Type")).toBe("application/vnd.apple.mpegurl");
    const { uris } = await playlist();
    const part = await get(`/live-ll/180p/${uris.at(-1)}`);
    expect(part.headers.get("Content-Type")).toBe("video/mp4");
    expect(part.headers.get("Cache-Control")).toBe("max-age=3600, immutable");
  });

  it("serves ranges of media, and refuses a range outside the file", async () => {
    const { uris } = await playlist();
    const path = `/live-ll/180p/${uris.at(-1)}`;
    const whole = new Uint8Array(await (await get(path)).arrayBuffer());
    const partial = await get(path, { Range: "bytes=4-7" });
    expect([partial.status, partial.headers.get("Content-Range")]).toEqual([206, `bytes 4-7/${whole.length}`]);
    expect(await partial.text()).toBe("moof");
    const beyond = await get(path, { Range: `bytes=${whole.length}-` });
    expect([beyond.status, beyond.headers.get("Content-Range")]).toEqual([416, `bytes */${whole.length}`]);
  });

  it("answers HEAD like GET without a body, and refuses other methods", async () => {
    const [head, full] = [await get("/live/180p/init.mp4", {}, "HEAD"), await get("/live/180p/init.mp4")];
    expect(head.headers.get("Content-Length")).toBe(String((await full.arrayBuffer()).byteLength));
    expect(head.headers.get("ETag")).toBe(full.headers.get("ETag"));
    expect(await head.text()).toBe("");
    expect((await get("/live/index.m3u8", {}, "POST")).status).toBe(405);
  });

  it("answers 304 while a playlist is unchanged, and 200 afterwards", async () => {
    const path = "/live-ll/180p/index.m3u8";
    const before = await get(path);
    const etag = before.headers.get("ETag") ?? "";
    expect((await get(path, { "If-None-Match": etag })).status).toBe(304);
    now += 500;
    const next = await get(path, { "If-None-Match": etag });
    expect(next.status).toBe(200);
    expect(await next.text()).not.toBe(await before.text());
  });

  /** Requests a resource that exists in `left` milliseconds, and checks that the response does not come earlier. */
  async function blocked(path: string, left: number): Promise<Response> {
    const due = now + left;
    const before = clockReads;
    const response = get(path);
    now = due - 1;
    // By then the origin has read the clock twice each: for the request, and when its timer fired.
    await vi.waitFor(() => expect(clockReads).toBeGreaterThanOrEqual(before + 4), 60_000);
    expect(await Promise.race([response, "blocked"])).toBe("blocked");
    now = due;
    return response;
  }

  it("blocks a reload exactly until the part is published", async () => {
    const { hint = "" } = await playlist();
    const [segment = 0, part = 0] = hint.split(".").map(Number);
    const left = segment * 2000 + (part + 2) * 500 - now;
    const response = await blocked(`/live-ll/180p/index.m3u8?_HLS_msn=${segment}&_HLS_part=${part + 1}`, left);
    const [next, after] = part === 3 ? [segment + 1, 0] : [segment, part + 1];
    expect(readPlaylist(await response.text()).uris).toContain(`${next}.${after}.m4s`);
    expect(response.headers.get("Cache-Control")).toBe("max-age=12");
  });

  it("blocks a request for the hinted part until the part exists", async () => {
    const { hint = "" } = await playlist();
    const [segment = 0, part = 0] = hint.split(".").map(Number);
    const response = await blocked(`/live-ll/180p/${hint}`, segment * 2000 + (part + 1) * 500 - now);
    expect(response.status).toBe(200);
    expect((await response.arrayBuffer()).byteLength).toBeGreaterThan(1000);
  });

  it("refuses a reload too far ahead with 400, and an unknown file with 404", async () => {
    const { hint = "" } = await playlist();
    expect((await get(`/live-ll/180p/index.m3u8?_HLS_msn=${Number(hint.split(".")[0]) + 9}`)).status).toBe(400);
    for (const path of ["/", "/live", "/vod-ts/index.m3u8", "/live/540p/index.m3u8", "/live/180p/1.m4s", "/live//x"])
      expect((await get(path)).status).toBe(404);
  });

  it("closes blocked requests when it stops", async () => {
    const brief = await startLiveOrigin({ port: 0, access: "anybody", clock });
    const current = readPlaylist(await (await fetch(`${brief.url}/live-ll/180p/index.m3u8`)).text());
    const before = clockReads;
    const waiting = fetch(
      `${brief.url}/live-ll/180p/index.m3u8?_HLS_msn=${current.first + current.segments.length + 1}`,
    );
    const ended = expect(waiting).rejects.toThrow();
    await vi.waitFor(() => expect(clockReads).toBeGreaterThan(before), 60_000);
    await brief.stop();
    await ended;
  });

  it("fails if its port is in use", async () => {
    await expect(startLiveOrigin({ port: Number(new URL(origin.url).port) })).rejects.toThrow("EADDRINUSE");
  });
});
