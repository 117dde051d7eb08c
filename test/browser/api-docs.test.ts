import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { launchBrowser } from "./chromium.ts";

const { apiUrl } = inject("usual");
let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());

/** The page as it comes over the wire, and what the browser complained of or asked for beside it. */
async function docs(colorScheme: "light" | "dark", width: number) {
  const context = await browser.newContext({ colorScheme, viewport: { width, height: 900 } });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("console", (message) => complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("request", (request) => complaints.push(request.url()));
  await page.goto(`${apiUrl}/docs`);
  return { page, complaints, close: () => context.close() };
}

const colourOf = (page: Page) => page.evaluate(() => getComputedStyle(document.body).backgroundColor);

describe("the page of the API", () => {
  it.each([
    ["light", 360, "rgb(247, 246, 243)"],
    ["dark", 360, "rgb(19, 20, 22)"],
    ["light", 1280, "rgb(247, 246, 243)"],
  ] as const)(
    "%s, %d px: is styled under its own policy, asks for nothing else, and fits",
    async (scheme, width, paper) => {
      const { page, complaints, close } = await docs(scheme, width);
      expect(await colourOf(page)).toBe(paper);
      await page.evaluate(() => {
        for (const route of document.querySelectorAll("details")) route.open = true;
      });
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
      expect(complaints).toEqual([`${apiUrl}/docs`]);
      await close();
    },
  );

  it("opens a route by a press, and leads from its codes to what they say", async () => {
    const { page, close } = await docs("light", 1280);
    const start = page.locator("details#startStream");
    const code = start.getByRole("link", { name: "asset_forbidden" });
    expect(await code.isVisible()).toBe(false);
    await start.getByText("Start a stream").click();
    await code.click();
    expect(await page.evaluate(() => document.querySelector(":target")?.textContent)).toContain(
      "Ask for an asset that the token names",
    );
    await close();
  });
});

it("what the page tells of is what openapi.json says to programs", async () => {
  const told = Object(await (await fetch(`${apiUrl}/openapi.json`)).json());
  expect([told.openapi, told.servers[0].url]).toEqual(["3.1.1", apiUrl]);
});
