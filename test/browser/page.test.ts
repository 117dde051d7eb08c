import type { Locator, Page } from "playwright-core";
import { describe, expect, inject, it } from "vitest";
import { tokenFor } from "../cluster/start-stream.ts";
import { until } from "../cluster/viewer.ts";
import { urisOf } from "../cluster/walk.ts";
import { browserForFile } from "./browsing.ts";
import { hosts } from "./traffic.ts";

const usual = inject("usual");
const shortLived = inject("shortLived");
const inTab = browserForFile();

/** Collects a page's faults: errors in its console, exceptions, and violations of its Content-Security-Policy. */
function faultsOf(page: Page): string[] {
  const faults: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error") faults.push(message.text());
  });
  page.on("pageerror", (error) => faults.push(error.message));
  return faults;
}

async function openPage(page: Page, url: string): Promise<void> {
  await page.goto(url);
  await statusOf(page).getByText("Ready.").waitFor();
}

async function play(page: Page, choice: { readonly stream?: string; readonly token?: string } = {}): Promise<void> {
  const { stream = "vod-ts", token } = choice;
  await page.getByLabel("Stream", { exact: true }).selectOption(stream);
  if (token !== undefined) await page.getByLabel("Token", { exact: true }).selectOption({ label: token });
  await page.getByRole("button", { name: "Play", exact: true }).click();
}

function statusOf(page: Page): Locator {
  return page.locator("#status");
}

/** The row of the first request for a file whose name ends with `ending`. */
function rowOf(page: Page, ending: string): Locator {
  return page
    .getByRole("listitem")
    .filter({ has: page.locator(".file", { hasText: ending }) })
    .first();
}

/** A request that was served. On a busy machine a player gives up its first attempt, for a lower variant's. */
function servedRow(page: Page, ending: string): Locator {
  return page
    .getByRole("listitem")
    .filter({ has: page.locator(".file", { hasText: ending }) })
    .filter({ hasText: "200 served" })
    .first();
}

async function sendAgain(row: Locator, button: string): Promise<Locator> {
  await row.getByRole("button", { expanded: false }).click();
  await row.getByRole("button", { name: button }).click();
  return row.getByRole("status");
}

async function waitForText(locator: Locator, text: string | RegExp): Promise<void> {
  await locator.filter({ hasText: text }).waitFor();
}

describe.concurrent("the demo page", () => {
  it("plays a stream and shows each request with its verdict and the remaining time of its signature", ({ expect }) =>
    inTab(async ({ page, traffic }) => {
      const faults = faultsOf(page);
      await openPage(page, usual.apiUrl);
      await play(page);
      await waitForText(statusOf(page), "Playing vod-ts.");
      await page.waitForFunction(() => (document.querySelector("video")?.currentTime ?? 0) > 1);
      await waitForText(rowOf(page, "POST /stream/start"), "201 served");
      const manifest = rowOf(page, "index.m3u8");
      await waitForText(manifest, "200 served");
      await waitForText(manifest, "multivariant");
      const segment = rowOf(page, "/0.ts");
      await waitForText(segment, "200 served");
      await waitForText(segment, "segment");
      const before = await segment.locator(".time").textContent();
      expect(before).toMatch(/^\d:\d\d$/);
      await expect.poll(() => segment.locator(".time").textContent()).not.toBe(before);
      expect(await page.locator("#session-ends").textContent()).toMatch(/^5\sh\s5\d\smin$/);
      expect(hosts(traffic)).toEqual([usual.apiUrl, usual.mediaUrl].sort());
      expect(traffic.failures).toEqual([]);
      expect(faults).toEqual([]);
    }));

  it.each([
    ["With one byte changed", "403 signature_invalid"],
    ["Without its signature", "403 signature_missing"],
    ["As it is", "200 served"],
  ])('sends a request again with the button "%s"', (button, verdict) =>
    inTab(async ({ page }) => {
      await openPage(page, usual.apiUrl);
      await play(page);
      await servedRow(page, "/0.ts").waitFor();
      await waitForText(await sendAgain(servedRow(page, "/0.ts"), button), verdict);
      await waitForText(page.locator("li.again"), verdict);
    }),
  );

  it.each([
    ["vod-cloudfront", "canned"],
    ["vod-cloudfront-ec", "custom"],
  ])("shows the policy of %s, and its changed signature is refused", (stream, policy) =>
    inTab(async ({ page }) => {
      await openPage(page, usual.apiUrl);
      await play(page, { stream });
      await waitForText(rowOf(page, "/0.ts"), policy);
      await waitForText(await sendAgain(servedRow(page, "/0.ts"), "With one byte changed"), "403 signature_invalid");
    }),
  );

  it("shows a renewal that the browser follows by itself", () =>
    inTab(async ({ page }) => {
      await openPage(page, shortLived.apiUrl);
      await play(page, { stream: "vod-single" });
      await servedRow(page, "0.ts").waitFor();
      await waitForText(await sendAgain(servedRow(page, "0.ts"), "After its expiry"), "307 renewed");
      await waitForText(page.locator("#count-renewed"), /^[1-9]/);
    }));

  it("shows the renewals of the player after a pause", () =>
    inTab(async ({ page }) => {
      // At once: a page that is paused later may have loaded segment 3, and needs no renewal.
      await page.addInitScript(() => {
        const pause = ({ target }: Event) => {
          if (!(target instanceof HTMLVideoElement)) return;
          target.pause();
          target.classList.add("paused-by-test");
        };
        document.addEventListener("playing", pause, { capture: true, once: true });
      });
      await openPage(page, shortLived.apiUrl);
      const loaded = page.waitForResponse((response) => new URL(response.url()).pathname.endsWith("/index.m3u8"));
      await play(page, { stream: "vod-single" });
      await page.locator("video.paused-by-test").waitFor();
      // Segment 3 is not loaded ahead. Its URL expires 16 s and a step after the playlist was loaded.
      const playlist = await loaded;
      const third = urisOf(await playlist.text(), playlist.url()).find(({ url }) => url.includes("/3.ts?"))?.url ?? "";
      await until(
        () => fetch(third, { redirect: "manual" }),
        ({ status }) => status === 307,
      );
      await page.evaluate(() => document.querySelector("video")?.play());
      const row = rowOf(page, "3.ts");
      await waitForText(row, "307 renewed → 200");
      await row.getByRole("button", { expanded: false }).click();
      await waitForText(row, "Redirected to");
    }));

  it.each([
    ["Only vod-single", "403 asset_forbidden"],
    ["Expired an hour ago", "401 token_expired"],
    ["Without the scope stream:play", "403 scope_insufficient"],
  ])("shows the reason of a refused token: %s", (token, verdict) =>
    inTab(async ({ page }) => {
      await openPage(page, usual.apiUrl);
      await play(page, { token });
      await waitForText(statusOf(page), verdict);
      await waitForText(rowOf(page, "POST /stream/start"), verdict);
    }),
  );

  it("plays with a pasted token by keyboard, and keeps neither the token nor a grant in the document or in storage", () =>
    inTab(async ({ page }) => {
      const token = await tokenFor(usual);
      await openPage(page, usual.apiUrl);
      await page.getByLabel("Token", { exact: true }).selectOption("pasted");
      const field = page.getByLabel("Bearer token");
      expect(await field.getAttribute("type")).toBe("password");
      await field.fill(token);
      const started = page.waitForResponse((response) => response.url().endsWith("/stream/start"));
      await field.press("Enter");
      const { manifestUrl } = await (await started).json();
      const grant = new URL(manifestUrl).pathname.split("/")[1] ?? "";
      expect(grant.length).toBeGreaterThan(100);
      await servedRow(page, "/0.ts").waitFor();
      await servedRow(page, "/0.ts").getByRole("button", { expanded: false }).click();
      const { html, stored } = await page.evaluate(() => ({
        html: document.documentElement.outerHTML,
        stored: localStorage.length + sessionStorage.length + document.cookie.length,
      }));
      expect(html).not.toContain(token.slice(0, 60));
      expect(html).not.toContain(token.slice(-20));
      expect(html).not.toContain(grant.slice(0, 40));
      expect(stored).toBe(0);
    }));

  it("says that the API does not respond", () =>
    inTab(async ({ page }) => {
      await openPage(page, usual.apiUrl);
      await page.route("**/stream/start", (route) => route.abort("connectionrefused"));
      await play(page);
      await waitForText(statusOf(page), "The API does not respond.");
    }));

  it.each([
    ["vod-single", "Playing vod-single."],
    ["nothing", "Unknown asset (404 asset_unknown)."],
  ])("starts the asset whose id is entered: %s", (id, text) =>
    inTab(async ({ page }) => {
      await openPage(page, usual.apiUrl);
      expect(await page.getByLabel("Asset id").isVisible()).toBe(false);
      await page.getByLabel("Stream", { exact: true }).selectOption("Another asset, by its id");
      await page.getByLabel("Asset id").fill(id);
      await page.getByLabel("Asset id").press("Enter");
      await waitForText(statusOf(page), text);
    }),
  );

  it("says that a listed asset is playable within seconds if the API does not know it yet", () =>
    inTab(async ({ page }) => {
      await openPage(page, usual.apiUrl);
      const json = { code: "asset_unknown", title: "Unknown asset", detail: "Compare the asset id with the catalog." };
      await page.route("**/stream/start", (route) => route.fulfill({ status: 404, json }));
      await play(page);
      await waitForText(statusOf(page), "The API knows it within five seconds: press Play again.");
    }));

  it("enters the asset of its URL that the list does not have", () =>
    inTab(async ({ page }) => {
      await openPage(page, `${usual.apiUrl}/?stream=my-film`);
      expect(await page.getByLabel("Asset id").inputValue()).toBe("my-film");
    }));

  it.each(["vod-ts", "vod-cloudfront", "vod-cloudfront-function"])(
    "tries a segment of %s without its signature with one button",
    (stream) =>
      inTab(async ({ page }) => {
        await openPage(page, usual.apiUrl);
        const button = page.getByRole("button", { name: "Try it without its signature" });
        expect(await button.isVisible()).toBe(false);
        await play(page, { stream });
        await servedRow(page, "/0.ts").waitFor();
        await button.click();
        await waitForText(
          page.locator("#trial-result"),
          /^403 signature_missing The media host refuses .*\.ts without/,
        );
        await waitForText(page.locator("li.again"), "403 signature_missing");
        await play(page, { stream: "vod-single" });
        await waitForText(statusOf(page), "Playing vod-single.");
        expect(await page.locator("#trial-result").textContent()).toBe("");
      }),
  );

  it("says in words that the media host does not respond, and what to do", () =>
    inTab(async ({ page }) => {
      await openPage(page, usual.apiUrl);
      await page.route(`${usual.mediaUrl}/**`, (route) => route.abort("connectionrefused"));
      await play(page);
      const { host } = new URL(usual.mediaUrl);
      await waitForText(
        statusOf(page),
        `Playback stopped: the media host ${host} does not respond. Check that \`npm start\` is still running, then press Play.`,
      );
      await waitForText(page.locator(".curtain"), "press Play");
      await page.unroute(`${usual.mediaUrl}/**`);
      await play(page);
      await waitForText(statusOf(page), "Playing vod-ts.");
    }));

  it("says that the player continues after a refused segment, and that it plays once one is served again", () =>
    inTab(async ({ page }) => {
      await openPage(page, usual.apiUrl);
      await play(page);
      await waitForText(statusOf(page), "Playing vod-ts.");
      const headers = { "Access-Control-Allow-Origin": "*" };
      const json = { code: "store_unavailable", title: "A store is down", detail: "Try again." };
      await page.route(/\.ts\?seg=/, (route) => route.fulfill({ status: 503, headers, json }));
      await waitForText(
        statusOf(page),
        "The media host refused a segment (503 store_unavailable). The player continues with its buffer.",
      );
      await page.unroute(/\.ts\?seg=/);
      await waitForText(statusOf(page), "Playing vod-ts.");
    }));

  it.each([
    [
      "a refusal",
      { status: 502, json: { code: "origin_unreachable", title: "No origin", detail: "Check the origin." } },
      "Playback stopped: the media host refused the manifest. No origin (502 origin_unreachable). Check the origin.",
    ],
    [
      "a file that is no playlist",
      { status: 200, body: "<html>", contentType: "text/html" },
      "Playback stopped: the player cannot read a file of the stream (manifestParsingError). Check the files",
    ],
  ])("says in words why playback stopped at the manifest: %s", (_, response, text) =>
    inTab(async ({ page }) => {
      await openPage(page, usual.apiUrl);
      const headers = { "Access-Control-Allow-Origin": "*" };
      await page.route(`${usual.mediaUrl}/**`, (route) => route.fulfill({ headers, ...response }));
      await play(page);
      await waitForText(statusOf(page), text);
    }),
  );

  it("links to the console, the API reference and the documentation", () =>
    inTab(async ({ page }) => {
      const faults = faultsOf(page);
      await openPage(page, usual.apiUrl);
      const links = page.getByRole("navigation").getByRole("link");
      expect(await links.allTextContents()).toEqual(["Console", "API reference", "Docs"]);
      await links.filter({ hasText: "Docs" }).click();
      await page.getByRole("link", { name: "Play a stream" }).click();
      await page.getByText("# Play a stream").waitFor();
      for (const [path, text] of [
        ["/console", "Sign in"],
        ["/openapi.json", "/stream/start"],
      ] as const) {
        await page.goto(usual.apiUrl + path);
        await page.getByText(text).first().waitFor();
      }
      expect(faults).toEqual([]);
    }));

  it("says without JavaScript that it needs it, and hides what does not work", () =>
    inTab(
      async ({ page }) => {
        await page.goto(usual.apiUrl);
        await page.locator(".no-script").waitFor();
        expect(await page.locator(".no-script").textContent()).toContain("This page needs JavaScript");
        await page.getByRole("link", { name: "Console" }).waitFor();
        for (const part of [page.getByRole("button", { name: "Play" }), statusOf(page)])
          expect(await part.isVisible()).toBe(false);
      },
      { javaScriptEnabled: false },
    ));

  it("shows the edge of its Play button in forced colours", () =>
    inTab(
      async ({ page }) => {
        await openPage(page, usual.apiUrl);
        const edge = await page.locator("#play").evaluate((button) => {
          const { borderTopWidth, borderTopColor, backgroundColor } = getComputedStyle(button);
          return { width: borderTopWidth, isSeen: borderTopColor !== backgroundColor };
        });
        expect(edge).toEqual({ width: "1px", isSeen: true });
      },
      { forcedColors: "active" },
    ));

  it("has one line of name, links and account on a tablet", () =>
    inTab(
      async ({ page }) => {
        await openPage(page, usual.apiUrl);
        const boxes = await Promise.all(["h1", "nav", ".account"].map((part) => page.locator(part).boundingBox()));
        const middles = boxes.map((box) => (box === null ? 0 : Math.round(box.y + box.height / 2)));
        expect(Math.max(...middles) - Math.min(...middles)).toBeLessThanOrEqual(1);
        expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(768);
      },
      { viewport: { width: 768, height: 1024 } },
    ));

  it.each([1152, 1200, 1280])("shows a file's name on one line in a window of %s px", (width) =>
    inTab(
      async ({ page }) => {
        await openPage(page, usual.apiUrl);
        await play(page);
        await servedRow(page, "360p/index.m3u8").waitFor();
        const box = await rowOf(page, "360p/index.m3u8").locator(".file").boundingBox();
        expect(box?.height).toBeLessThan(32);
      },
      { viewport: { width, height: 800 } },
    ),
  );

  it("fits a phone", () =>
    inTab(
      async ({ page }) => {
        await openPage(page, usual.apiUrl);
        await play(page, { stream: "vod-tracks" });
        await servedRow(page, "/0.m4s").waitFor();
        await waitForText(await sendAgain(servedRow(page, "/0.m4s"), "Without its signature"), "403 signature_missing");
        const width = await page.evaluate(() => document.documentElement.scrollWidth);
        expect(width).toBeLessThanOrEqual(390);
      },
      { viewport: { width: 390, height: 844 } },
    ));
});
