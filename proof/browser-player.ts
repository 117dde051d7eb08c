import type { Browser } from "playwright-core";
import { launchBrowser } from "../test/browser/chromium.ts";
import type { PagePlayer } from "./page-server.ts";
import type { Ability, Playback, Player } from "./player.ts";

/** A player that runs in a page. Each stream is played in a browser process of its own. */
export function browserPlayer(
  name: string,
  version: string,
  abilities: readonly Ability[],
  page: PagePlayer,
  site: { urlOf(player: PagePlayer): string },
): Player {
  return {
    name,
    version,
    abilities,
    async open(manifestUrl, run, options) {
      const browser = await launchBrowser();
      try {
        return await openIn(browser, site.urlOf(page), manifestUrl, run, options);
      } catch (error) {
        await browser.close();
        throw error;
      }
    },
  };
}

async function openIn(
  browser: Browser,
  siteUrl: string,
  manifestUrl: string,
  run: string,
  options: Parameters<Player["open"]>[2],
): Promise<Playback> {
  // Players detect the browser by its User-Agent, so it is kept and the run is appended.
  const userAgent = `Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/${browser.version()} Safari/537.36`;
  const context = await browser.newContext({ userAgent: `${userAgent} ${run}` });
  const page = await context.newPage();
  await page.goto(siteUrl);
  await page.waitForFunction(() => window.controls !== undefined);
  await page.evaluate(([url, options]) => window.controls.open(url, options), [manifestUrl, options] as const);
  return {
    play: () => page.evaluate(() => window.controls.play()),
    pause: () => page.evaluate(() => window.controls.pause()),
    seek: (time) => page.evaluate((time) => window.controls.seek(time), time),
    state: () => page.evaluate(() => window.controls.state()),
    chooseVariant: (index) => page.evaluate((index) => window.controls.chooseVariant(index), index),
    chooseTracks: (tracks) => page.evaluate((tracks) => window.controls.chooseTracks(tracks), tracks),
    stop: () => browser.close(),
  };
}
