import type { BrowserContextOptions, Page, Route } from "playwright-core";
import { describe, expect, inject, it } from "vitest";
import { operatorOf } from "../cluster/operator.ts";
import { startStream, tokenFor } from "../cluster/start-stream.ts";
import { browserForFile, type Tab } from "./browsing.ts";
import { findSession, lowTargets, signIn, speedUp } from "./console-page.ts";

const usual = inject("usual");
const inTab = browserForFile();

/** A test in a tab with a signed-in operator. It fails if the page logs an error. */
function signedIn(run: (tab: Tab) => Promise<unknown>, options?: BrowserContextOptions) {
  return () =>
    inTab(async (tab) => {
      const faults: string[] = [];
      tab.page.on("console", (message) => {
        if (message.type() === "error") faults.push(message.text());
      });
      tab.page.on("pageerror", (error) => faults.push(error.message));
      await signIn(tab.page);
      await run(tab);
      expect(faults).toEqual([]);
    }, options);
}

/** Plays a film on the demo page, in another tab. */
async function playFilm(page: Page): Promise<{ readonly film: Page; readonly id: string }> {
  const film = await page.context().newPage();
  await film.goto(`${usual.apiUrl}/?${new URLSearchParams({ stream: "live", token: "all" })}`);
  await film.locator("#status").filter({ hasText: "Ready." }).waitFor();
  await film.getByRole("button", { name: "Play", exact: true }).click();
  await film.waitForFunction(() => (document.querySelector("video")?.currentTime ?? 0) > 1);
  return { film, id: (await film.locator("#session-id").textContent()) ?? "" };
}

/** Requests a manifest URL with an invalid signature; returns the Request-Id. */
async function refusedRequest(): Promise<string> {
  const { manifestUrl } = await startStream(usual, "vod-ts");
  const forged = manifestUrl.slice(0, -1) + (manifestUrl.endsWith("A") ? "Q" : "A");
  const response = await fetch(forged);
  expect(response.status).toBe(403);
  return response.headers.get("Request-Id") ?? "";
}

describe("the console in forced colours", () => {
  it("shows the edges of what only a background sets apart", () =>
    inTab(
      async ({ page }) => {
        const edgeOf = (part: string) =>
          page.locator(part).evaluate((element) => {
            const { borderTopWidth, borderTopColor, backgroundColor } = getComputedStyle(element);
            return { width: borderTopWidth, isSeen: borderTopColor !== backgroundColor };
          });
        await page.goto(`${usual.apiUrl}/console`);
        expect(await edgeOf(".sign-in .primary")).toEqual({ width: "1px", isSeen: true });
        await signIn(page);
        expect(await edgeOf("#verdict")).toEqual({ width: "1px", isSeen: true });
        const current = page.locator("nav a[aria-current]");
        expect(await current.evaluate((link) => getComputedStyle(link).textDecorationLine)).toBe("underline");
      },
      { forcedColors: "active" },
    ));
});

describe("the console", () => {
  it("shows a playing film and stops it with one click", () =>
    inTab(async ({ page }) => {
      await signIn(page);
      const { film, id } = await playFilm(page);
      await findSession(page, id);
      const row = page.getByRole("row").filter({ hasText: id });
      await row.waitFor();
      expect(await row.textContent()).toContain("live");
      await row.getByRole("button", { name: "Revoke" }).click();
      await page
        .getByRole("status")
        .filter({ hasText: `Ended: ${id}` })
        .waitFor();
      await film.locator("#status").filter({ hasText: "session_revoked" }).waitFor();
      await row.waitFor({ state: "detached" });
      await page.getByRole("button", { name: "Undo" }).click();
      await page
        .getByRole("status")
        .filter({ hasText: `Restored: ${id}` })
        .waitFor();
    }));

  it(
    "shows a new refusal by its Request-Id and in the chart",
    signedIn(async ({ page }) => {
      const request = await refusedRequest();
      const listItem = page.getByRole("listitem").filter({ hasText: request });
      await expect
        .poll(async () => {
          await page.getByLabel("Request-Id").fill(request);
          await page.getByRole("button", { name: "Find" }).last().click();
          return listItem.count();
        })
        .toBe(1);
      expect(await listItem.textContent()).toContain("signature_invalid");
      const bars = page.locator("figure.chart rect[class^=c]");
      // The last press of Find may still load the page.
      await bars.last().waitFor();
      const height = () => bars.last().evaluate((bar) => bar.getBoundingClientRect().height);
      await expect.poll(height).toBeGreaterThan(0);
      await listItem.getByRole("link", { name: "signature_invalid" }).click();
      await page.getByRole("heading", { name: "Invalid signature" }).waitFor();
    }),
  );

  it(
    "explains a URL, which stays in the form and appears nowhere else",
    signedIn(async ({ page }) => {
      const { manifestUrl } = await startStream(usual, "vod-ts");
      await page.getByRole("link", { name: "Explain" }).click();
      await page.getByLabel("URL, grant or token").fill(manifestUrl.replace("/vod-ts/", "/vod-single/"));
      await page.getByRole("button", { name: "Explain" }).click();
      await page.getByRole("heading", { name: "Step by step" }).waitFor();
      const answer = (await page.locator("#answer").textContent()) ?? "";
      expect(answer).toContain("Refused");
      expect(answer).not.toContain(new URL(manifestUrl).pathname.slice(1, 60));
      expect(page.url()).toBe(`${usual.apiUrl}/console/explain`);
      expect(await page.getByLabel("URL, grant or token").inputValue()).toContain("/vod-single/");
    }),
  );

  it(
    "compares the last hour with yesterday, one click from the overview",
    signedIn(async ({ page }) => {
      await startStream(usual, "vod-ts");
      const starts = page.getByRole("figure", { name: "Starts requested" });
      await expect
        .poll(async () => {
          await page.goto(`${usual.apiUrl}/console`);
          await page.getByRole("link", { name: "History" }).click();
          return starts.locator("figcaption b").textContent();
        })
        .not.toBe("0");
      const bar = starts.locator("rect.c1").last();
      expect(await bar.evaluate((drawn) => drawn.getBoundingClientRect().height)).toBeGreaterThan(0);
      await starts.getByText("As a table").click();
      expect(await starts.getByRole("row").count()).toBe(25);
    }),
  );

  it(
    "simulates a start",
    signedIn(async ({ page }) => {
      await page.getByRole("link", { name: "Simulate" }).click();
      await page.getByLabel("bearer token").fill(await tokenFor(usual, { assets: ["vod-single"] }));
      await page.getByLabel("Asset", { exact: true }).selectOption("vod-single");
      await page.getByRole("button", { name: "Simulate" }).click();
      await page.locator("#answer").getByText("Accepted", { exact: true }).waitFor();
      await page.getByLabel("Asset", { exact: true }).selectOption("vod-ts");
      await page.getByRole("button", { name: "Simulate" }).click();
      await page.locator("#answer").getByText("asset_forbidden").first().waitFor();
    }),
  );

  it("refreshes itself while it is visible, and reports if it cannot", () =>
    inTab(async ({ page }) => {
      await speedUp(page);
      await signIn(page);
      await page.waitForResponse((response) => response.url() === `${usual.apiUrl}/console`);
      const stale = page.getByText("This page is out of date.");
      const verdict = page.locator("#verdict");
      expect(await stale.isVisible()).toBe(false);
      const failures = [
        (route: Route) => route.abort("connectionrefused"),
        (route: Route) => route.fulfill({ status: 503, contentType: "text/html", body: "<p>down" }),
      ];
      for (const fail of failures) {
        await page.route("**/console", fail);
        await stale.waitFor();
        expect(await verdict.isVisible()).toBe(false);
        await page.unroute("**/console");
        await stale.waitFor({ state: "hidden" });
        expect(await verdict.isVisible()).toBe(true);
      }
    }));

  it("shows the sign-in page after a click without a session", () =>
    inTab(async ({ page }) => {
      await signIn(page);
      const { sessionId } = await startStream(usual, "vod-ts");
      await findSession(page, sessionId);
      const revoke = page.getByRole("row").filter({ hasText: sessionId }).getByRole("button", { name: "Revoke" });
      await revoke.waitFor();
      await page.context().clearCookies();
      await revoke.click();
      await page.getByLabel("Credential").waitFor();
    }));

  it("ends when its credential is revoked, and says why", () =>
    inTab(async ({ page }) => {
      const { token } = await operatorOf(usual, "bea");
      await page.goto(`${usual.apiUrl}/console`);
      await page.getByLabel("Credential").fill(token);
      await page.getByRole("button", { name: "Sign in" }).click();
      await page.getByRole("heading", { name: "Sessions now" }).waitFor();
      const { jti } = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
      const ann = await operatorOf(usual, "ann");
      expect((await ann.revoke({ token: { issuer: "stagedoor-operator", jti } })).status).toBe(201);
      await page.getByText("Token revoked.", { exact: true }).waitFor();
      expect(await page.getByLabel("Credential").isVisible()).toBe(true);
    }));

  it("hides its cookie from scripts and refuses forms of other sites", () =>
    inTab(async ({ page, site }) => {
      await signIn(page);
      expect(await page.evaluate(() => document.cookie)).toBe("");
      const { sessionId } = await startStream(usual, "vod-ts");
      await page.goto(site.url);
      await page.setContent(
        `<form method="post" action="${usual.apiUrl}/console/sessions/${sessionId}/revoke"><button>Win</button></form>`,
      );
      await page.getByRole("button").click();
      await page.getByText("origin_untrusted").waitFor();
    }));

  it(
    "revokes an asset after its consequence, lists it with its reason, and undoes it",
    signedIn(async ({ page }) => {
      await page.getByRole("link", { name: "Revocations" }).click();
      await page.getByLabel("What", { exact: true }).selectOption("Asset");
      await page.getByLabel("Its id").fill("another-asset");
      await page.getByLabel("Reason").fill("licence ended");
      await page.getByRole("button", { name: "Show the consequence" }).click();
      await page.getByText("nobody can start it until the revocation is undone").waitFor();
      await page.getByRole("button", { name: "Revoke", exact: true }).click();
      const listed = page.locator("#revoked li", { hasText: "another-asset" });
      await listed.getByText("licence ended").waitFor();
      await listed.getByText("by ann").waitFor();
      await listed.getByRole("button", { name: "Undo" }).click();
      await page.getByText("The revocation of the asset was undone.").waitFor();
      expect(await listed.count()).toBe(0);
    }),
  );

  it("fits a phone without horizontal scrolling", signedIn(fitsPhone, { viewport: { width: 360, height: 740 } }));

  it(
    "is dark if the browser is",
    signedIn(
      async ({ page }) => {
        const colour = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
        expect(colour).toBe("rgb(19, 20, 22)");
      },
      { colorScheme: "dark" },
    ),
  );
});

const paths = [
  "",
  "/history",
  "/viewer",
  "/breakdown",
  "/revocations",
  "/explain",
  "/simulate",
  "/codes/signature_expired",
  "/sign-in",
];

async function fitsPhone({ page }: Tab): Promise<void> {
  await refusedRequest();
  for (const path of paths) {
    await page.goto(`${usual.apiUrl}/console${path}`);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360);
    expect([path, ...(await page.evaluate(lowTargets))]).toEqual([path]);
  }
}

describe("the console without scripts", () => {
  const off = { javaScriptEnabled: false };

  it("shows, searches, revokes, explains and signs out", () =>
    inTab(async ({ page }) => {
      await signIn(page);
      const { sessionId, manifestUrl } = await startStream(usual, "vod-single");
      const row = page.getByRole("row").filter({ hasText: sessionId });
      await expect
        .poll(async () => {
          await findSession(page, sessionId);
          return row.count();
        })
        .toBe(1);
      await row.getByRole("button", { name: "Revoke" }).click();
      await page.getByText(`Ended: ${sessionId}`).waitFor();
      await expect.poll(async () => (await fetch(manifestUrl)).status).toBe(403);
      await page.getByRole("link", { name: "Explain" }).click();
      await expect
        .poll(async () => {
          await page.getByLabel("URL, grant or token").fill(manifestUrl);
          await page.getByRole("button", { name: "Explain" }).click();
          return page.locator("#answer").textContent();
        })
        .toContain("session_revoked");
      await page.getByRole("button", { name: "Sign out" }).click();
      await page.getByLabel("Credential").waitFor();
      await page.goto(`${usual.apiUrl}/console`);
      expect(page.url()).toBe(`${usual.apiUrl}/console/sign-in`);
    }, off));
});
