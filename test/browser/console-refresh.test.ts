import type { Page, Route } from "playwright-core";
import { describe, expect, inject, it } from "vitest";
import { browserForFile, type Tab } from "./browsing.ts";
import { signIn, speedFactor, speedUp } from "./console-page.ts";

const { apiUrl } = inject("usual");
const inUsualTab = browserForFile();
const id = `${"s".repeat(21)}A`;
/** The requests of a refresh and of an action. */
const refreshes = (url: URL) => url.pathname === "/console";
const actions = (url: URL) => url.pathname.startsWith("/console/sessions/");

const inTab = (run: (tab: Tab) => Promise<unknown>) =>
  inUsualTab(async (tab) => {
    await speedUp(tab.page);
    await run(tab);
  });

const button = ` id="revoke-${id}"`;
const row = `<table class="rows"><tbody><tr><th>film</th><td><form method="post" action="/console/sessions/${id}/revoke"
  data-swap data-unknown="It is not known whether it was ended."><button class="small danger" id="revoke-${id}"
  type="submit">Revoke</button></form></td></tr></tbody></table>`;

/** Makes overviews with one session and a number of viewers. */
async function overviews(page: Page): Promise<(watching: number, note?: string) => string> {
  const html = await (await page.request.get(`${apiUrl}/console`)).text();
  return (watching, note = "") =>
    html
      .replace(/<b>[\d,–]+<\/b><span>watching/, `<b>${watching}</b><span>watching`)
      .replace(/(<div id="session-done"[^>]*>)/, `$1${note}`)
      .replace(/(<div id="sessions-now"[^>]*>).*?(<\/div><\/section>)/s, `$1${row}$2`);
}

const respond = (route: Route, body: string) => route.fulfill({ status: 200, contentType: "text/html", body });
/** Longer than the interval of the refreshes. */
const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const watching = (page: Page, count: number) => page.locator("#watching", { hasText: `${count}watching` }).waitFor();

/** A page that shows one session. */
async function showSession(page: Page) {
  await signIn(page);
  const overview = await overviews(page);
  await page.route(refreshes, (route) => respond(route, overview(1)));
  await page.locator(`#revoke-${id}`).waitFor();
  await page.unroute(refreshes);
  return overview;
}

describe("a slow refresh", () => {
  it("is shown even if the next one is due", () =>
    inTab(async ({ page }) => {
      await signIn(page);
      const overview = await overviews(page);
      let watchers = 111;
      await page.route(refreshes, async (route) => {
        await wait(6_500 / speedFactor);
        await respond(route, overview(watchers));
      });
      await watching(page, 111);
      watchers = 222;
      await watching(page, 222);
    }));

  it("marks the page as out of date and hides the verdict", () =>
    inTab(async ({ page }) => {
      await signIn(page);
      await page.getByRole("heading", { name: "All is well." }).or(page.locator("#verdict h1")).first().waitFor();
      await page.route(refreshes, () => undefined);
      await page.getByRole("heading", { name: "This page is out of date." }).waitFor();
      expect(await page.locator("#verdict").isVisible()).toBe(false);
    }));
});

describe("an action", () => {
  it("with a slow response is confirmed, and no refresh runs meanwhile", () =>
    inTab(async ({ page }) => {
      const overview = await showSession(page);
      const order: string[] = [];
      const ended = overview(0, '<div class="note ok" id="done">Ended: this one</div>').replace(button, "");
      await page.route(refreshes, (route) => {
        order.push("refresh");
        return respond(route, order.includes("answered") ? ended : overview(1));
      });
      await page.route(actions, async (route) => {
        order.length = 0;
        await wait(7_000 / speedFactor);
        order.push("answered");
        await respond(route, ended);
      });
      await page.locator(`#revoke-${id}`).click();
      await page.getByText("Ended: this one").waitFor();
      expect(order[0]).toBe("answered");
      expect(await page.evaluate(() => document.activeElement?.id)).toBe("done");
    }));

  it.each([
    ["without a response", (route: Route) => route.abort("connectionreset")],
    ["with a foreign response", (route: Route) => route.fulfill({ status: 520, body: "<p>broken" })],
  ])("%s is reported as unknown until the next action", (_, fail) =>
    inTab(async ({ page }) => {
      const overview = await showSession(page);
      await page.route(refreshes, (route) => respond(route, overview(1)));
      await page.route(actions, fail);
      await page.locator(`#revoke-${id}`).click();
      const unknown = page.getByText("It is not known whether it was ended.");
      await unknown.waitFor();
      expect(await page.evaluate(() => document.activeElement?.id)).toBe("unknown");
      await page.waitForResponse((response) => refreshes(new URL(response.url())));
      expect(await unknown.isVisible()).toBe(true);
      await page.unroute(actions);
      await page.route(actions, (route) => respond(route, overview(0, '<div id="done">Ended: this one</div>')));
      await page.locator(`#revoke-${id}`).click();
      await page.getByText("Ended: this one").waitFor();
      expect(await unknown.isVisible()).toBe(false);
    }),
  );

  it("without a response is reported on the Explain page too", () =>
    inTab(async ({ page }) => {
      await signIn(page);
      await page.getByRole("link", { name: "Explain" }).click();
      await page.getByLabel("URL, grant or token").fill("x");
      await page.route("**/console/explain", (route) => route.abort("internetdisconnected"));
      await page.getByRole("button", { name: "Explain" }).click();
      await page.getByText("No response.").waitFor();
    }));
});

describe("a refresh while the page is in use", () => {
  it("keeps selected text, the button under the pointer, and the focus", () =>
    inTab(async ({ page }) => {
      const overview = await showSession(page);
      let watchers = 11;
      await page.route(refreshes, (route) =>
        respond(route, overview(watchers).replace("<th>film", `<th>film-${watchers}`)),
      );
      await page.locator("#watching").focus();
      await watching(page, 11);
      expect(await page.evaluate(() => document.activeElement?.id)).toBe("watching");
      await page.getByText("film-11").selectText();
      watchers = 12;
      await watching(page, 12);
      expect(await page.evaluate(() => String(getSelection()).trim())).toBe("film-11");
      watchers = 13;
      await page.evaluate(() => getSelection()?.removeAllRanges());
      await page.getByText("film-13").waitFor();
      await page.locator(`#revoke-${id}`).hover();
      watchers = 14;
      await watching(page, 14);
      expect(await page.getByText("film-13").isVisible()).toBe(true);
    }));

  it("keeps the table of the chart open", () =>
    inTab(async ({ page }) => {
      const overview = await showSession(page);
      let version = 11;
      const table = '<details id="chart-table"><summary id="opens">As a table</summary><p>Its rows</p></details>';
      await page.route(refreshes, (route) =>
        respond(
          route,
          overview(version).replace(/(<div id="refusals-now"[^>]*>)/, `$1<p>version ${version}</p>${table}`),
        ),
      );
      await page.locator("#opens").click();
      version = 12;
      await page.getByText("version 12").waitFor();
      expect(await page.getByText("Its rows").isVisible()).toBe(true);
    }));

  it("keeps both search terms", () =>
    inTab(async ({ page }) => {
      await signIn(page);
      await page.getByLabel("Asset, session or viewer id, country, network or player").fill("film");
      await page.getByRole("button", { name: "Find" }).first().click();
      await page.waitForURL(/find=film/);
      await page.getByLabel("Request-Id, viewer id, code, asset, country, network or player").fill("0123456789abcdef");
      await page.getByRole("button", { name: "Find" }).last().click();
      await page.waitForURL("**/console?find=film&request=0123456789abcdef");
    }));
});
