import type { Page } from "playwright-core";
import { describe, expect, inject, it } from "vitest";
import { browserForFile } from "./browsing.ts";
import { pressPlay, says } from "./demo-page.ts";

const usual = inject("usual");
const inTab = browserForFile();

/** Opens the page with a stream and a token chosen in its URL, as its own link to a second device does. */
async function openPage(page: Page, stream: string, token: string): Promise<void> {
  await page.goto(`${usual.apiUrl}/?${new URLSearchParams({ stream, token })}`);
  await says(page, "Ready.");
}

async function playsFor(page: Page, seconds: number): Promise<void> {
  await page.waitForFunction((least) => {
    const { currentTime = 0, buffered } = document.querySelector("video") ?? {};
    return buffered !== undefined && buffered.length > 0 && currentTime - buffered.start(0) > least;
  }, seconds);
}

async function stateIs(page: Page, text: string): Promise<void> {
  await page.locator("#session-state").filter({ hasText: text }).waitFor();
}

describe("a session on the page", () => {
  it.each(["live", "live-ll"])("plays %s, and counts down while it is paused", (stream) =>
    inTab(async ({ page }) => {
      await openPage(page, stream, "all");
      await pressPlay(page);
      await playsFor(page, 1);
      await stateIs(page, "running");
      await page.evaluate(() => document.querySelector("video")?.pause());
      await says(page, "Paused.");
      const time = page.locator("#manifest-ends");
      const before = await time.textContent();
      await expect.poll(() => time.textContent()).not.toBe(before);
      expect(await page.locator("#count-refused").textContent()).toBe("0");
    }),
  );

  it("ends by its End session button, and the player's next request is refused with the reason", () =>
    inTab(async ({ page }) => {
      await openPage(page, "live", "all");
      await pressPlay(page);
      await playsFor(page, 1);
      await page.getByRole("button", { name: "End session" }).click();
      await page.getByRole("listitem").filter({ hasText: "204 served" }).waitFor();
      await says(page, "session_revoked");
      await stateIs(page, "ended");
      expect(await page.getByRole("button", { name: "End session" }).isDisabled()).toBe(true);
    }));

  it("is taken over by a second device if the viewer may run one stream", () =>
    inTab(async ({ page }) => {
      await openPage(page, "live", "one-stream");
      await pressPlay(page);
      await playsFor(page, 1);
      const secondPage = page.context().waitForEvent("page");
      await page.getByRole("link", { name: "Second device" }).click();
      const second = await secondPage;
      await says(second, "Ready.");
      await pressPlay(second);
      await says(second, "429 stream_limit");
      await says(second, "live has been running since");
      await second.getByRole("button", { name: "Play here and end the oldest stream" }).click();
      await playsFor(second, 1);
      await says(page, "stream_taken");
      await stateIs(page, "taken over");
      await stateIs(second, "running");
    }));
});
