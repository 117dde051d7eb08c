import type { Page } from "playwright-core";
import { describe, expect, inject, it } from "vitest";
import { startStream } from "../cluster/start-stream.ts";
import { browserForFile } from "./browsing.ts";
import { filmState, openFilm, playedPast } from "./film.ts";
import { refusals, type Traffic } from "./traffic.ts";

const cluster = inject("usual");
const inTab = browserForFile();

/** The largest number of requests for one init segment. */
function initRequests({ urls }: Traffic): number {
  const paths = urls.map((url) => new URL(url).pathname).filter((path) => path.endsWith("/init.mp4"));
  return Math.max(...paths.map((path) => paths.filter((other) => other === path).length));
}

/** Plays for `seconds` from the current position. */
async function playFor(page: Page, seconds: number): Promise<void> {
  const { time } = await filmState(page);
  await playedPast(page, time + seconds);
}

/** Seconds between the wall-clock time of the picture and that of this machine. */
function latency(page: Page): Promise<number> {
  return page.evaluate(() => (Date.now() - (window.film.hls.playingDate?.getTime() ?? 0)) / 1000);
}

/** Longer than the film of 24 s, so that its end is played over wherever playback began. */
const runTime = 25;

describe.concurrent("a live stream in a browser", () => {
  it("plays without a stall or a refusal, beyond the end of its looped film", () =>
    inTab(async ({ page, traffic, site }) => {
      const { manifestUrl } = await startStream(cluster, "live");
      await openFilm(page, site, manifestUrl);
      await playedPast(page, 0.5);
      await playFor(page, runTime);
      const film = await filmState(page);
      expect(film).toMatchObject({ fatal: [], stalls: 0 });
      expect(refusals(traffic)).toEqual([]);
      expect(traffic.failures).toEqual([]);
      expect(initRequests(traffic)).toBe(1);
      // Three target durations behind the newest segment, which itself is a segment behind the clock.
      expect(await latency(page)).toBeLessThan(24);
    }));

  it("stays within eight seconds of now in low-latency mode, with partial segments", () =>
    inTab(async ({ page, traffic, site }) => {
      const { manifestUrl } = await startStream(cluster, "live-ll");
      await openFilm(page, site, manifestUrl, { hls: { lowLatencyMode: true } });
      await playedPast(page, 0.5);
      await playFor(page, runTime);
      const film = await filmState(page);
      expect(film).toMatchObject({ fatal: [], stalls: 0 });
      expect(refusals(traffic)).toEqual([]);
      expect(traffic.failures).toEqual([]);
      expect(initRequests(traffic)).toBe(1);
      expect(await latency(page)).toBeLessThan(8);
      const paths = traffic.urls.map((url) => new URL(url));
      expect(paths.filter(({ search }) => search.includes("_HLS_msn=")).length).toBeGreaterThan(25);
      expect(paths.filter(({ pathname }) => /\/\d+\.\d\.m4s$/.test(pathname)).length).toBeGreaterThan(30);
    }));
});
