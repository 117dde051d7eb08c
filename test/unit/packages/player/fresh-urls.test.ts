import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { keepFresh, type Session } from "../../../../packages/player/fresh-urls.ts";

const signature = "4n93FYyzqRuxkXYrchzWDA";
const host = "https://media.example.com";
const cloudFront = (name: string, expires: number) =>
  `https://d.example.com/film/180p/${name}?Expires=${expires}&Signature=s${expires}&Key-Pair-Id=K1`;
const listUrl = (grant: string, path: string, expires = 10_000) =>
  `${host}/${grant}/film/${path}?list=${expires}.${signature}`;
const manifestUrl = listUrl("one", "index.m3u8", 300);
const mediaUrl = listUrl("one", "180p/index.m3u8");

let now = 0;
const requests: string[] = [];
const bodies = new Map<string, () => string>();

beforeEach(() => {
  now = 0;
  requests.length = 0;
  bodies.clear();
  vi.stubGlobal("fetch", async (url: string) => {
    requests.push(url);
    const body = bodies.get(url);
    return body === undefined ? new Response(null, { status: 403 }) : new Response(body());
  });
});
afterEach(() => {
  vi.unstubAllGlobals();
});

const entry = (grant: string) => `#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n${listUrl(grant, "180p/index.m3u8")}\n`;
const media = (expires: number) =>
  `#EXTM3U\n#EXTINF:4,\n${cloudFront("0.ts", expires)}\n#EXTINF:4,\n${cloudFront("1.ts", expires)}\n`;

function helper(renew?: () => Promise<Session>, sessionExpiry = 10_000) {
  const sessionExpiresAt = new Date(sessionExpiry * 1000).toISOString();
  const urls = keepFresh({ manifestUrl, sessionExpiresAt, renew, margin: 10, now: () => now * 1000 });
  urls.read(manifestUrl, entry("one"));
  urls.read(mediaUrl, media(100));
  return urls;
}

describe("keepFresh", () => {
  it("returns a valid URL unchanged and at once", () => {
    expect(helper().url(cloudFront("0.ts", 100))).toBe(cloudFront("0.ts", 100));
    expect(requests).toEqual([]);
  });

  it("replaces a URL that is about to expire with the one in its reloaded playlist", async () => {
    const urls = helper();
    bodies.set(mediaUrl, () => media(now + 100));
    now = 91;
    expect(await urls.url(cloudFront("0.ts", 100))).toBe(cloudFront("0.ts", 191));
    expect(requests).toEqual([mediaUrl]);
  });

  it("reuses a reloaded playlist while its URLs are valid, and loads it once for concurrent requests", async () => {
    const urls = helper();
    bodies.set(mediaUrl, () => media(now + 100));
    now = 91;
    await Promise.all([urls.url(cloudFront("0.ts", 100)), urls.url(cloudFront("1.ts", 100))]);
    now = 150;
    expect(await urls.url(cloudFront("1.ts", 100))).toBe(cloudFront("1.ts", 191));
    expect(requests).toEqual([mediaUrl]);
  });

  it("keeps a URL whose playlist is refused, so that the player sees the error", async () => {
    const urls = helper();
    now = 200;
    expect(await urls.url(cloudFront("0.ts", 100))).toBe(cloudFront("0.ts", 100));
  });

  it("keeps an unsigned URL", () => {
    expect(helper().url("https://ads.example.com/1.ts")).toBe("https://ads.example.com/1.ts");
  });

  it("keeps every URL after it was stopped", () => {
    const urls = helper();
    now = 200;
    urls.stop();
    expect(urls.url(cloudFront("0.ts", 100))).toBe(cloudFront("0.ts", 100));
  });
});

describe("a session that is about to expire", () => {
  const next: Session = {
    manifestUrl: listUrl("two", "index.m3u8", 10_300),
    sessionExpiresAt: new Date(20_000 * 1000).toISOString(),
  };
  const nextMedia = listUrl("two", "180p/index.m3u8", 20_000);

  it("is replaced by a new one, whose grant is in every URL from then on", async () => {
    const renew = vi.fn(async () => next);
    const urls = helper(renew);
    bodies.set(next.manifestUrl, () => entry("two").replace("list=10000", "list=20000"));
    bodies.set(nextMedia, () => media(now + 100));
    now = 9995;
    expect(await urls.url(cloudFront("0.ts", 10_050))).toBe(cloudFront("0.ts", 10_095));
    expect(await urls.url(`${mediaUrl}&_HLS_msn=7`)).toBe(`${nextMedia}&_HLS_msn=7`);
    expect(renew).toHaveBeenCalledTimes(1);
    expect(requests).toEqual([next.manifestUrl, nextMedia]);
  });

  it("is renewed once for any number of waiting requests", async () => {
    const renew = vi.fn(async () => next);
    const urls = helper(renew);
    now = 9995;
    await Promise.all([urls.url(mediaUrl), urls.url(cloudFront("0.ts", 100)), urls.url(cloudFront("1.ts", 100))]);
    expect(renew).toHaveBeenCalledTimes(1);
  });

  it("is not renewed again at once after a refusal, and the old URLs stay in use", async () => {
    const renew = vi.fn(async (): Promise<Session> => Promise.reject(new Error("401")));
    const urls = helper(renew);
    now = 9995;
    expect(await urls.url(mediaUrl)).toBe(mediaUrl);
    now = 9997;
    expect(await urls.url(mediaUrl)).toBe(mediaUrl);
    expect(renew).toHaveBeenCalledTimes(1);
    now = 10_001;
    await urls.url(mediaUrl);
    expect(renew).toHaveBeenCalledTimes(2);
  });

  it("is left to expire if the player cannot renew it", async () => {
    const urls = helper();
    now = 9995;
    expect(await urls.url(mediaUrl)).toBe(mediaUrl);
  });
});
