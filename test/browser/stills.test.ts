import { describe, expect, inject, it } from "vitest";
import { browserForFile } from "./browsing.ts";
import { openPage, says } from "./demo-page.ts";

const cluster = inject("usual");
const inTab = browserForFile();

describe("the demo page", () => {
  it.each(["vod-ts", "vod-cloudfront"])(
    "shows the poster of %s and seeks by its thumbnails, with the keyboard",
    (asset) =>
      inTab(async ({ page }) => {
        const { messages } = await openPage(page, `${cluster.apiUrl}/?stream=${asset}`);
        await page.getByRole("button", { name: "Play", exact: true }).click();
        await says(page, `Playing ${asset}.`);
        const thumbnail = page.getByRole("button", { name: "Go to 0:16" });
        await thumbnail.focus();
        await page.keyboard.press("Enter");
        const video = page.locator("video");
        await expect
          .poll(() => video.evaluate((shown: HTMLVideoElement) => shown.currentTime))
          .toBeGreaterThanOrEqual(16);
        const loaded = () => thumbnail.locator("img").evaluate((image: HTMLImageElement) => image.naturalWidth);
        await expect.poll(loaded).toBe(480);
        const poster = page.locator("#poster");
        await expect.poll(() => poster.evaluate((image: HTMLImageElement) => image.naturalWidth)).toBe(480);
        expect(messages).toEqual([]);
      }),
  );

  it("asks for no files of an asset that offers none", () =>
    inTab(async ({ page }) => {
      await openPage(page, `${cluster.apiUrl}/?stream=vod-single`);
      await page.getByRole("button", { name: "Play", exact: true }).click();
      await says(page, "Playing vod-single.");
      expect(await page.locator("#seek").isVisible()).toBe(false);
      expect(await page.locator(".file", { hasText: "POST /files" }).count()).toBe(0);
    }));
});
