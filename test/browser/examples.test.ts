import type { Page, Response } from "playwright-core";
import { describe, expect, inject, it } from "vitest";
import { signDevToken } from "../../cli/lib/dev-keys.ts";
import type { Demo } from "../../demo/demo-data.ts";
import { adviceFor } from "../../examples/shared/refusals.ts";
import { until } from "../cluster/viewer.ts";
import { browserForFile } from "./browsing.ts";

const cluster = inject("usual");
const inTab = browserForFile();

const examples = ["hlsjs", "shaka", "videojs", "react"] as const;

interface Choice {
  readonly film: string;
  readonly viewer?: string;
}

/** Opens an example with viewers of its own, since repeated starts of one viewer are throttled. */
async function open(page: Page, example: (typeof examples)[number], { film, viewer }: Choice): Promise<void> {
  const subject = `viewer-${crypto.randomUUID()}`;
  await page.route("**/demo.json", async (route) => {
    const response = await route.fetch();
    const demo: Demo = await response.json();
    const claimsOf: Readonly<Record<string, object>> = { all: {}, "one-stream": { streams: 1 } };
    const tokens = await Promise.all(
      demo.tokens.map(async (choice) => {
        const claims = claimsOf[choice.id];
        if (claims === undefined) return choice;
        const own = { subject, assets: "*", lifetimeSeconds: 900, ...claims } as const;
        return { ...choice, token: await signDevToken({ keys: cluster.keys }, own) };
      }),
    );
    await route.fulfill({ response, json: { ...demo, tokens } });
  });
  await page.goto(`${cluster.apiUrl}/examples/${example}/`);
  await page.getByLabel("Film").selectOption(film);
  if (viewer !== undefined) await page.getByLabel("Viewer").selectOption({ label: viewer });
}

const press = (page: Page, name: string) => page.getByRole("button", { name, exact: true }).click();
const statusOf = (page: Page) => page.getByRole("status").textContent();

/** Waits until the status has the documented words for a code. */
const says = (page: Page, code: string) =>
  until(
    () => statusOf(page),
    (text) => text?.startsWith(adviceFor({ code }).text) === true,
  );

/** Plays for a second of the film. */
async function plays(page: Page): Promise<void> {
  const time = () => page.evaluate(() => document.querySelector("video")?.currentTime ?? 0);
  await until(
    () => statusOf(page),
    (text) => text === "Playing.",
  );
  const begun = await time();
  await until(time, (now) => now > begun + 1);
}

const isStart = (response: Response) => response.url().endsWith("/stream/start") && response.ok();

/** Presses Play, and ends the session as the viewer's other device could. */
async function playAndEnd(page: Page): Promise<void> {
  const [response] = await Promise.all([page.waitForResponse(isStart), press(page, "Play")]);
  const { sessionId, grant } = await response.json();
  const { authorization = "" } = await response.request().allHeaders();
  await plays(page);
  const headers = { Authorization: authorization, "CTA-Common-Access-Token": grant };
  expect((await fetch(`${cluster.apiUrl}/stream/${sessionId}`, { method: "DELETE", headers })).status).toBe(204);
}

/** Collects the errors in the page's console. */
function consoleErrors(page: Page): string[] {
  const errors: string[] = [];
  page.on("pageerror", ({ message }) => errors.push(message));
  page.on("console", (message) => {
    if (message.type() === "error") errors.push(message.text());
  });
  return errors;
}

describe.concurrent.each(examples)("the example for %s", (example) => {
  it("plays a film, renews a session that is about to expire, and shows its code", () =>
    inTab(async ({ page, traffic }) => {
      const errors = consoleErrors(page);
      await page.route("**/stream/start", async (route) => {
        const response = await route.fetch();
        const sessionExpiresAt = new Date(Date.now() + 5000).toISOString();
        await route.fulfill({ response, json: { ...(await response.json()), sessionExpiresAt } });
      });
      await open(page, example, { film: "vod-single" });
      await press(page, "Play");
      await plays(page);
      expect(traffic.responses.filter(({ url }) => url.endsWith("/renew")).map(({ status }) => status)).toEqual([200]);
      expect([errors, traffic.failures]).toEqual([[], []]);
      expect(await page.locator("pre").textContent()).toMatch(/^import .* onStop/s);
    }));

  it("says in the documented words why a start was refused, and why a running stream ended", () =>
    inTab(async ({ page }) => {
      await open(page, example, { film: "live", viewer: "Expired an hour ago" });
      await press(page, "Play");
      await says(page, "token_expired");
      expect(await statusOf(page)).toMatch(/token_expired, \w+/);
      await page.getByLabel("Viewer").selectOption({ label: "All streams" });
      await playAndEnd(page);
      await says(page, "session_revoked");
      expect(await page.locator("video").count()).toBe(0);
    }));
});

describe.concurrent("an example's page", () => {
  it("offers to play here instead at the viewer's stream limit", () =>
    inTab(async ({ page }) => {
      await open(page, "hlsjs", { film: "vod-single", viewer: "One stream at a time" });
      const token = await page.getByLabel("Viewer").inputValue();
      const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
      const body = JSON.stringify({ asset: "vod-ts" });
      expect((await fetch(`${cluster.apiUrl}/stream/start`, { method: "POST", headers, body })).status).toBe(201);
      await press(page, "Play");
      await says(page, "stream_limit");
      await press(page, "Play here instead");
      await plays(page);
    }));

  it("offers to sign in again, and then plays", () =>
    inTab(async ({ page }) => {
      await open(page, "hlsjs", { film: "vod-single", viewer: "Expired an hour ago" });
      await press(page, "Play");
      await press(page, "Sign in");
      await plays(page);
    }));

  it("plays without Media Source Extensions, and asks the API why a stream ended", () =>
    inTab(async ({ page }) => {
      await page.addInitScript(() => {
        for (const name of ["MediaSource", "ManagedMediaSource"]) Reflect.deleteProperty(window, name);
      });
      await open(page, "hlsjs", { film: "live" });
      await playAndEnd(page);
      await says(page, "session_revoked");
    }));

  it("can be used with the keyboard alone", () =>
    inTab(async ({ page }) => {
      await page.goto(`${cluster.apiUrl}/examples/`);
      await page.getByRole("link", { name: "hls.js", exact: true }).press("Enter");
      await page.getByLabel("Film").focus();
      await page.keyboard.press("Tab");
      await page.keyboard.press("Tab");
      await page.keyboard.press("Enter");
      await plays(page);
    }));

  it("fits on a phone", () =>
    inTab(
      async ({ page }) => {
        await open(page, "react", { film: "vod-single", viewer: "Expired an hour ago" });
        await press(page, "Play");
        await says(page, "token_expired");
        expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(320);
      },
      { viewport: { width: 320, height: 640 } },
    ));
});
