import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { type LiveOrigin, startLiveOrigin } from "../../../cli/local/live-origin.ts";
import { unixMilliseconds } from "../../../src/base/time.ts";
import { readPlaylist } from "../../unit/live/reading.ts";

let origin: LiveOrigin;
let open: LiveOrigin;
/** The origin's time, which goes on where a test says so; and how often it was looked at. */
let now = 1_800_000_000_100;
let looks = 0;
const clock = () => {
  looks++;
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
  it("listens on this machine alone", () => {
    expect(origin.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  });

  it("lets nobody in without its secret, and has another one each time", async () => {
    expect((await fetch(`${origin.url}/live/index.m3u8`)).status).toBe(403);
    expect((await get("/live/index.m3u8", { "X-Live-Origin-Secret": `${secret()}x` })).status).toBe(403);
    expect((await get("/live/index.m3u8")).status).toBe(200);
    expect(secret()).toMatch(/^[\w-]{43}$/);
    expect(open.secrets).not.toEqual(origin.secrets);
  });

  it("opens to the pages of any site where it was told so", async () => {
    const answer = await fetch(`${open.url}/live/index.m3u8`);
    expect([answer.status, answer.headers.get("Access-Control-Allow-Origin")]).toEqual([200, "*"]);
  });

  it("says what its files are and that media never changes", async () => {
    const entry = await get("/live/index.m3u8");
    expect(entry.headers.get("Content-Type")).toBe("application/vnd.apple.mpegurl");
    const { uris } = await playlist();
    const part = await get(`/live-ll/180p/${uris.at(-1)}`);
    expect(part.headers.get("Content-Type")).toBe("video/mp4");
    expect(part.headers.get("Cache-Control")).toBe("max-age=3600, immutable");
  });

  it("gives ranges of media, and says where there is none", async () => {
    const { uris } = await playlist();
    const path = `/live-ll/180p/${uris.at(-1)}`;
    const whole = new Uint8Array(await (await get(path)).arrayBuffer());
    const some = await get(path, { Range: "bytes=4-7" });
    expect([some.status, some.headers.get("Content-Range")]).toEqual([206, `bytes 4-7/${whole.length}`]);
    expect(await some.text()).toBe("moof");
    const beyond = await get(path, { Range: `bytes=${whole.length}-` });
    expect([beyond.status, beyond.headers.get("Content-Range")]).toEqual([416, `bytes */${whole.length}`]);
  });

  it("answers HEAD as GET, without a body, and other methods not at all", async () => {
    const [head, got] = [await get("/live/180p/init.mp4", {}, "HEAD"), await get("/live/180p/init.mp4")];
    expect(head.headers.get("Content-Length")).toBe(String((await got.arrayBuffer()).byteLength));
    expect(head.headers.get("ETag")).toBe(got.headers.get("ETag"));
    expect(await head.text()).toBe("");
    expect((await get("/live/index.m3u8", {}, "POST")).status).toBe(405);
  });

  it("answers 304 while a playlist is the same, and 200 when it is another", async () => {
    const path = "/live-ll/180p/index.m3u8";
    const before = await get(path);
    const etag = before.headers.get("ETag") ?? "";
    expect((await get(path, { "If-None-Match": etag })).status).toBe(304);
    now += 500;
    const next = await get(path, { "If-None-Match": etag });
    expect(next.status).toBe(200);
    expect(await next.text()).not.toBe(await before.text());
  });

  /** Asks for what is there in `left` milliseconds, and sees it held until then. */
  async function held(path: string, left: number): Promise<Response> {
    const due = now + left;
    const before = looks;
    const asked = get(path);
    now = due - 1;
    // It has been looked at twice: when it came, and when the origin's timer rang.
    await vi.waitFor(() => expect(looks).toBeGreaterThanOrEqual(before + 4), 60_000);
    expect(await Promise.race([asked, "held"])).toBe("held");
    now = due;
    return asked;
  }

  it("holds a reload until the part is there, and not longer than it takes", async () => {
    const { hint = "" } = await playlist();
    const [segment = 0, part = 0] = hint.split(".").map(Number);
    const left = segment * 2000 + (part + 2) * 500 - now;
    const answer = await held(`/live-ll/180p/index.m3u8?_HLS_msn=${segment}&_HLS_part=${part + 1}`, left);
    const [next, after] = part === 3 ? [segment + 1, 0] : [segment, part + 1];
    expect(readPlaylist(await answer.text()).uris).toContain(`${next}.${after}.m4s`);
    expect(answer.headers.get("Cache-Control")).toBe("max-age=12");
  });

  it("holds the part that it hints at until it is there", async () => {
    const { hint = "" } = await playlist();
    const [segment = 0, part = 0] = hint.split(".").map(Number);
    const answer = await held(`/live-ll/180p/${hint}`, segment * 2000 + (part + 1) * 500 - now);
    expect(answer.status).toBe(200);
    expect((await answer.arrayBuffer()).byteLength).toBeGreaterThan(1000);
  });

  it("refuses a reload that lies too far ahead with 400, and what is not there with 404", async () => {
    const { hint = "" } = await playlist();
    expect((await get(`/live-ll/180p/index.m3u8?_HLS_msn=${Number(hint.split(".")[0]) + 9}`)).status).toBe(400);
    for (const path of ["/", "/live", "/vod-ts/index.m3u8", "/live/540p/index.m3u8", "/live/180p/1.m4s", "/live//x"])
      expect((await get(path)).status).toBe(404);
  });

  it("ends what it holds when it stops", async () => {
    const brief = await startLiveOrigin({ port: 0, access: "anybody", clock });
    const read = readPlaylist(await (await fetch(`${brief.url}/live-ll/180p/index.m3u8`)).text());
    const before = looks;
    const waiting = fetch(`${brief.url}/live-ll/180p/index.m3u8?_HLS_msn=${read.first + read.segments.length + 1}`);
    const ended = expect(waiting).rejects.toThrow();
    await vi.waitFor(() => expect(looks).toBeGreaterThan(before), 60_000);
    await brief.stop();
    await ended;
  });

  it("says so where its port is taken", async () => {
    await expect(startLiveOrigin({ port: Number(new URL(origin.url).port) })).rejects.toThrow("EADDRINUSE");
  });
});
