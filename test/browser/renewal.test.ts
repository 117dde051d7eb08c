import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { startStream } from "../cluster/start-stream.ts";
import { startTestCluster, type TestCluster } from "../cluster/test-cluster.ts";
import { until } from "../cluster/viewer.ts";
import { urisOf } from "../cluster/walk.ts";
import { browserForFile } from "./browsing.ts";
import { type FilmOptions, openFilm, pause, playedPast, resume, watchToEnd } from "./film.ts";
import type { Site } from "./site.ts";
import { redirects, refusals } from "./traffic.ts";

const shortLived = inject("shortLived");
const inTab = browserForFile();

/** A buffer so small that everything after a pause must be loaded after it, and nothing is kept. */
const smallBuffer: FilmOptions = {
  rate: 2,
  hls: { maxBufferLength: 6, maxMaxBufferLength: 6, maxBufferSize: 1, backBufferLength: 0 },
};

/** Plays a film that has no other variant, and pauses it at its beginning until all its signatures have expired. */
async function pausePastExpiries(page: Page, site: Site, cluster: TestCluster): Promise<void> {
  const { manifestUrl } = await startStream(cluster, "vod-single");
  const loaded = page.waitForResponse((response) => response.url() === manifestUrl);
  await openFilm(page, site, manifestUrl, smallBuffer);
  const last = urisOf(await (await loaded).text(), manifestUrl).at(-1)?.url ?? "";
  await playedPast(page, 0.3);
  await pause(page);
  // Without a pause allowance, URLs expire the film's length and a step after the playlist was loaded.
  await until(
    () => fetch(last, { redirect: "manual" }),
    ({ status }) => status === 307 || status === 403,
  );
}

describe.concurrent("a film paused past the expiry of its URLs", () => {
  it("plays to its end through renewal, without a refusal or a stall", () =>
    inTab(async ({ page, traffic, site }) => {
      await pausePastExpiries(page, site, shortLived);
      expect(redirects(traffic)).toBe(0);
      await resume(page);
      const film = await watchToEnd(page);
      expect(film).toMatchObject({ ended: true, fatal: [], stalls: 0 });
      expect(film.time).toBeGreaterThanOrEqual(23.9);
      expect(redirects(traffic)).toBeGreaterThanOrEqual(3);
      expect(refusals(traffic)).toEqual([]);
    }));

  it("plays after a seek far ahead and back", () =>
    inTab(async ({ page, traffic, site }) => {
      await pausePastExpiries(page, site, shortLived);
      await resume(page, 17);
      await playedPast(page, 17.5);
      const ahead = redirects(traffic);
      expect(ahead).toBeGreaterThanOrEqual(1);
      await resume(page, 8.5);
      const film = await watchToEnd(page);
      expect(film).toMatchObject({ ended: true, fatal: [] });
      expect(film.time).toBeGreaterThanOrEqual(23.9);
      expect(redirects(traffic)).toBeGreaterThan(ahead);
      expect(refusals(traffic)).toEqual([]);
    }));

  describe("with renewal off", () => {
    let withoutRenewal: Awaited<ReturnType<typeof startTestCluster>>;
    beforeAll(async () => {
      const settings = { STAGEDOOR_PAUSE_ALLOWANCE: "0", STAGEDOOR_EXPIRY_STEP: "1", STAGEDOOR_RENEWAL: "off" };
      withoutRenewal = await startTestCluster(settings);
    });
    afterAll(() => withoutRenewal.stop());

    it("is refused and never reaches its end", () =>
      inTab(async ({ page, traffic, site }) => {
        await pausePastExpiries(page, site, withoutRenewal.addresses);
        expect(refusals(traffic)).toEqual([]);
        const refused = page.waitForResponse((response) => response.status() >= 400);
        await resume(page);
        const response = await refused;
        expect((await response.json()).code).toBe("signature_expired");
        // Long enough for a film that continues to reach its end.
        const film = await watchToEnd(page, 12_000);
        expect(film.ended).toBe(false);
        expect(film.time).toBeLessThan(17);
        expect(redirects(traffic)).toBe(0);
      }));
  });
});
