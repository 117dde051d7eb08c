import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { type PagePlayer, startPageServer } from "../../proof/page-server.ts";
import type { OpenOptions, PlayerState } from "../../proof/player.ts";
import { operatorOf } from "../cluster/operator.ts";
import { until, viewerOf } from "../cluster/viewer.ts";
import { urisOf } from "../cluster/walk.ts";
import { browserForFile } from "./browsing.ts";
import { redirects, refusals } from "./traffic.ts";

const asset = "vod-cloudfront-function";
/** None of them has the helper that keeps URLs fresh. */
const players = ["hls", "shaka", "videojs"] as const;

const inTab = browserForFile();
let site: Awaited<ReturnType<typeof startPageServer>>;
beforeAll(async () => {
  site = await startPageServer();
});
afterAll(() => site.stop());

/** Plays in a page that loads one segment ahead. */
async function open(page: Page, player: PagePlayer, manifestUrl: string): Promise<void> {
  await page.goto(site.urlOf(player));
  await page.waitForFunction(() => window.controls !== undefined);
  const options: OpenOptions = { ahead: 4 };
  await page.evaluate(([url, how]) => window.controls.open(url, how), [manifestUrl, options] as const);
}

const state = (page: Page): Promise<PlayerState> => page.evaluate(() => window.controls.state());
const pause = (page: Page): Promise<void> => page.evaluate(() => window.controls.pause());

/** Plays on at another speed. */
async function play(page: Page, rate: number): Promise<void> {
  await page.evaluate(async (speed) => {
    const video = document.querySelector("video");
    if (video !== null) video.playbackRate = speed;
    await window.controls.play();
  }, rate);
}

async function playedPast(page: Page, time: number): Promise<void> {
  await page.waitForFunction((past) => window.controls.state().time > past, time, { polling: 50 });
}

describe.concurrent("a film on the emulated CloudFront, in a player without the helper,", () => {
  const cluster = inject("shortLived");

  it.each(players)("plays on after a pause past its expiry, until its session is revoked: %s", (player) =>
    inTab(async ({ page, traffic }) => {
      const viewer = await viewerOf(cluster, `viewer-${crypto.randomUUID()}`);
      const session = await viewer.start({ asset });
      expect(new URL(session.manifestUrl).origin).toBe(cluster.distributionUrl);
      const [rendition] = await Promise.all([
        page.waitForResponse((response) => /\d+p\/index\.m3u8/.test(response.url())),
        open(page, player, session.manifestUrl),
      ]);
      const third = urisOf(await rendition.text(), rendition.url()).find(({ url }) => url.includes("/2.ts"))?.url ?? "";
      await playedPast(page, 0.3);
      await pause(page);
      const thirdNow = () => fetch(third, { redirect: "manual" });
      // Without a pause allowance it expires when the segment has been played.
      await until(thirdNow, ({ status }) => status === 307);
      expect(redirects(traffic)).toBe(0);
      await play(page, 4);
      await playedPast(page, 9);
      expect(redirects(traffic)).toBeGreaterThanOrEqual(1);
      expect([refusals(traffic), (await state(page)).fatal]).toEqual([[], []]);
      await play(page, 0.1);
      const operator = await operatorOf(cluster, "night shift");
      expect(await operator.revoke({ session: session.sessionId })).toMatchObject({ status: 201 });
      await until(thirdNow, ({ headers }) => headers.get("Stagedoor-Refusal") === "session_revoked");
      const refused = page.waitForResponse((response) => response.status() === 403);
      await play(page, 4);
      expect((await refused).headers()["stagedoor-refusal"]).toBe("session_revoked");
      const { time, ended } = await stopped(page);
      expect(ended).toBe(false);
      expect(time).toBeLessThan(23);
    }),
  );
});

/** The state after which the film does not move any more. */
async function stopped(page: Page): Promise<PlayerState> {
  return until(
    async () => {
      const before = await state(page);
      await page.waitForTimeout(1000);
      return { ...(await state(page)), before: before.time };
    },
    ({ time, before }) => time === before,
  );
}
