import type { Page } from "playwright-core";
import { describe, expect, inject, it } from "vitest";
import { operatorOf } from "../cluster/operator.ts";
import { startStream } from "../cluster/start-stream.ts";
import { until } from "../cluster/viewer.ts";
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

// After the others, which watch the same stream from an unknown place.
describe("a blackout of a live stream in a browser", () => {
  it("reaches a viewer in its place while they watch, and nobody else", () =>
    inTab(async (away) =>
      inTab(async (here) => {
        const operator = await operatorOf(cluster, "ann");
        const { manifestUrl } = await startStream(cluster, "live");
        for (const [{ page, site }, country] of [
          [here, "JP"],
          [away, "FR"],
        ] as const) {
          await page.setExtraHTTPHeaders({ "CF-IPCountry": country });
          await openFilm(page, site, manifestUrl, { hls: { maxBufferLength: 4 } });
          await playedPast(page, 0.5);
        }
        expect((await operator.revoke({ blackout: { asset: "live", places: ["JP"] } })).status).toBe(201);
        try {
          await until(
            () => here.traffic.responses.filter(({ status }) => status === 451).length,
            (count) => count > 0,
          );
          // No segment that is asked for after the first refusal is served there.
          const before = new Set(here.traffic.urls);
          await playFor(away.page, 8);
          const served = here.traffic.responses.filter(({ status }) => status === 200).map(({ url }) => url);
          expect(served.filter((url) => !before.has(url))).toEqual([]);
          expect(refusals(away.traffic)).toEqual([]);
          expect(await filmState(away.page)).toMatchObject({ fatal: [], stalls: 0 });
        } finally {
          await operator.revoke({ blackout: { asset: "live" }, lift: true });
        }
      }),
    ));
});
