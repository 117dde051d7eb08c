import { describe, expect, inject, it } from "vitest";
import { startStream } from "../cluster/start-stream.ts";
import { browserForFile } from "./browsing.ts";
import { filmState, openFilm, playedPast, watchToEnd } from "./film.ts";
import { hosts, refusals } from "./traffic.ts";

const cluster = inject("usual");
const inTab = browserForFile();

const playable = [
  "vod-ts",
  "vod-fmp4",
  "vod-aes",
  "vod-tracks",
  "vod-single",
  "vod-cloudfront",
  "vod-cloudfront-ec",
  "vod-cloudfront-function",
] as const;

describe.concurrent("a fixture in hls.js", () => {
  it.each(playable)("plays to its end from the returned manifest URL: %s", (asset) =>
    inTab(async ({ page, traffic, site }) => {
      const { manifestUrl } = await startStream(cluster, asset);
      await openFilm(page, site, manifestUrl, { rate: 8 });
      const film = await watchToEnd(page);
      expect(film.fatal).toEqual([]);
      expect(film.ended).toBe(true);
      expect(film.time).toBeGreaterThanOrEqual(23.9);
      // A busy machine drops most frames at this rate.
      expect(film.shown).toBeGreaterThan(0);
      expect(refusals(traffic)).toEqual([]);
      expect(traffic.failures).toEqual([]);
      const host = asset === "vod-cloudfront-function" ? cluster.distributionUrl : cluster.mediaUrl;
      expect(hosts(traffic)).toEqual([site.url, host].sort());
    }),
  );
});

it("a player may send CMCD in headers, and any other request header", () =>
  inTab(async ({ page, traffic, site }) => {
    const { manifestUrl } = await startStream(cluster, "vod-fmp4");
    const cmcd = { useHeaders: true, sessionId: "session-1", contentId: "film-1" };
    await openFilm(page, site, manifestUrl, { rate: 8, hls: { cmcd } });
    expect(await watchToEnd(page)).toMatchObject({ fatal: [], ended: true });
    expect([refusals(traffic), traffic.failures]).toEqual([[], []]);
    const headers = { Authorization: "Bearer x", "X-Playback-Session-Id": "1", Range: "bytes=0-1" };
    const status = (url: string) =>
      page.evaluate(async ([target, sent]) => (await fetch(target, { headers: sent })).status, [url, headers] as const);
    expect(await status(manifestUrl)).toBe(200);
    const segment = traffic.urls.find((url) => url.includes("?seg=")) ?? "";
    expect(await status(segment)).toBe(206);
  }));

describe.concurrent("audio and subtitle tracks", () => {
  it("switch during playback, and cues appear", () =>
    inTab(async ({ page, traffic, site }) => {
      const { manifestUrl } = await startStream(cluster, "vod-tracks");
      await openFilm(page, site, manifestUrl, {
        rate: 2,
        hls: { maxBufferLength: 4, maxMaxBufferLength: 4 },
      });
      await playedPast(page, 0.5);
      await page.evaluate(() => {
        const { hls } = window.film;
        hls.subtitleTrack = hls.subtitleTracks.findIndex(({ lang }) => lang === "en");
        hls.audioTrack = hls.audioTracks.findIndex(({ lang }) => lang === "de");
      });
      await page.waitForFunction(() => [...window.film.cues].some((text) => text.startsWith("English")));
      await page.evaluate(() => {
        const { hls } = window.film;
        hls.subtitleTrack = hls.subtitleTracks.findIndex(({ lang }) => lang === "de");
      });
      await page.waitForFunction(() => [...window.film.cues].some((text) => text.startsWith("Deutsch")));
      const { fatal, ended } = await watchToEnd(page);
      expect({ fatal, ended }).toEqual({ fatal: [], ended: true });
      expect(traffic.urls.filter((url) => url.includes("/audio-de/") && url.includes(".m4s"))).not.toEqual([]);
      expect(refusals(traffic)).toEqual([]);
    }));
});

describe.concurrent("a stream without its signatures", () => {
  it.each([
    ["playlists of the edge", "vod-single", ".m3u8"],
    ["segments of the edge", "vod-single", ".ts"],
    ["keys of the edge", "vod-aes", ".key"],
    ["segments of CloudFront", "vod-cloudfront", ".ts"],
  ])("does not play: %s", (_, asset, ending) =>
    inTab(async ({ page, traffic, site }) => {
      await page.context().route(
        (url) => url.origin === cluster.mediaUrl && url.pathname.endsWith(ending),
        (route) => route.continue({ url: new URL(new URL(route.request().url()).pathname, cluster.mediaUrl).href }),
      );
      const { manifestUrl } = await startStream(cluster, asset);
      const refused = page.waitForResponse((response) => response.status() >= 400);
      await openFilm(page, site, manifestUrl);
      const response = await refused;
      expect(response.status()).toBe(403);
      expect((await response.json()).code).toBe("signature_missing");
      // Enough time for the player to try another way.
      await page.waitForTimeout(3000);
      const { frames, time } = await filmState(page);
      expect({ frames, time }).toEqual({ frames: 0, time: 0 });
      expect(new Set(refusals(traffic))).toEqual(new Set([403]));
    }),
  );
});
