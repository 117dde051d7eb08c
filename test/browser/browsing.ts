import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { afterAll, beforeAll } from "vitest";
import { ceiling } from "../cluster/viewer.ts";
import { launchBrowser } from "./chromium.ts";
import { type Site, startSite } from "./site.ts";
import { recordTraffic, type Traffic } from "./traffic.ts";

export interface Tab {
  readonly page: Page;
  readonly traffic: Traffic;
  readonly site: Site;
}

/**
 * Launches one browser and one site with a player for the tests of a file. The returned function opens a page in a
 * context of its own for one test.
 */
export function browserForFile(): <Value>(
  run: (tab: Tab) => Promise<Value>,
  options?: BrowserContextOptions,
) => Promise<Value> {
  let browser: Browser | undefined;
  let site: Site | undefined;
  beforeAll(async () => {
    [browser, site] = await Promise.all([launchBrowser(), startSite()]);
  });
  afterAll(async () => {
    await browser?.close();
    site?.stop();
  });
  return async (run, options = {}) => {
    if (browser === undefined || site === undefined) throw new Error("the browser did not start");
    const context = await browser.newContext(options);
    context.setDefaultTimeout(ceiling);
    try {
      const traffic = recordTraffic(context);
      return await run({ page: await context.newPage(), traffic, site });
    } finally {
      await context.close();
    }
  };
}
