import { describe, expect, inject, it } from "vitest";
import { browserForFile } from "./browsing.ts";
import {
  choose,
  fillIn,
  isSignedIn,
  isSignedOut,
  isStopped,
  newPerson,
  openPage,
  playsTo,
  pressPlay,
  rows,
  says,
  signOut,
  signUp,
} from "./demo-page.ts";
import { hosts } from "./traffic.ts";

const usual = inject("usual");
const inTab = browserForFile();

describe("an account on the page", () => {
  it("signs up, plays, and signs out, which stops the film and is followed by refusals", () =>
    inTab(async ({ page, traffic }) => {
      const faults = await openPage(page, usual.apiUrl);
      await signUp(page);
      expect(await page.getByLabel("Token", { exact: true }).inputValue()).toBe("account");
      await rows(page, "POST /api/auth/sign-up/email", "200 served").waitFor();
      await choose(page, { stream: "live" });
      await pressPlay(page);
      await rows(page, "GET /api/auth/token", "200 served").waitFor();
      await rows(page, "POST /stream/start", "201 served").waitFor();
      await playsTo(page, 1);
      await signOut(page);
      await says(page, "The film stopped because you signed out");
      await page.locator("#session-state").filter({ hasText: "ended" }).waitFor();
      for (const time of ["#session-ends", "#manifest-ends"]) expect(await page.locator(time).isVisible()).toBe(false);
      await rows(page, "POST /api/auth/sign-out", "200 served").waitFor();
      await rows(page, "403 session_revoked").first().waitFor();
      expect(await isStopped(page)).toBe(true);
      await isSignedOut(page);
      const mediaRequests = () => traffic.urls.filter((url) => url.startsWith(usual.mediaUrl)).length;
      const before = mediaRequests();
      await page.waitForTimeout(3000);
      expect(mediaRequests()).toBe(before);
      expect(await isStopped(page)).toBe(true);
      await pressPlay(page);
      await says(page, "Not signed in (401 UNAUTHORIZED). Sign in");
      expect(hosts(traffic)).toEqual([usual.apiUrl, usual.mediaUrl].sort());
      expect(faults.messages).toEqual([]);
    }));

  it("stops a film at sign-out even if the browser has loaded it to its end", () =>
    inTab(async ({ page }) => {
      await openPage(page, usual.apiUrl);
      await signUp(page);
      await choose(page, { stream: "vod-single" });
      await pressPlay(page);
      await playsTo(page, 0.5);
      await page.evaluate(() => {
        const video = document.querySelector("video");
        if (video !== null) video.currentTime = 17;
      });
      await page.waitForFunction(() => {
        const { buffered, currentTime = 0 } = document.querySelector("video") ?? {};
        return currentTime > 17 && buffered !== undefined && buffered.end(buffered.length - 1) > 23.8;
      });
      await signOut(page);
      await says(page, "The film stopped because you signed out");
      expect(await isStopped(page)).toBe(true);
    }));

  it("continues a film at sign-out if it was started with another token", () =>
    inTab(async ({ page }) => {
      await openPage(page, usual.apiUrl);
      await signUp(page);
      await choose(page, { stream: "live", token: "all" });
      await pressPlay(page);
      await playsTo(page, 1);
      await signOut(page);
      await isSignedOut(page);
      const time = await page.evaluate(() => document.querySelector("video")?.currentTime ?? 0);
      await playsTo(page, time + 4);
      for (const text of ["session_revoked", "after sign-out"]) expect(await rows(page, text).count()).toBe(0);
    }));

  it("stays signed in, and says so, if sign-out fails with 503", () =>
    inTab(async ({ page }) => {
      await openPage(page, usual.apiUrl);
      const person = await signUp(page);
      await choose(page, { stream: "live" });
      await pressPlay(page);
      await playsTo(page, 1);
      await page.route("**/api/auth/sign-out", (route) =>
        route.fulfill({
          status: 503,
          headers: { "Retry-After": "5" },
          json: { code: "STORE_UNAVAILABLE", message: "Not done." },
        }),
      );
      await signOut(page);
      await says(page, "You are still signed in (503 STORE_UNAVAILABLE). Try again in 5");
      await isSignedIn(page, person);
      await page.unroute("**/api/auth/sign-out");
      await signOut(page);
      await says(page, "The film stopped because you signed out");
    }));

  it("plays with its cookie and no Authorization header", () =>
    inTab(async ({ page }) => {
      await openPage(page, usual.apiUrl);
      await signUp(page);
      await choose(page, { stream: "live", token: "cookie" });
      const request = page.waitForRequest((sent) => sent.url().endsWith("/stream/start"));
      await pressPlay(page);
      expect((await (await request).allHeaders()).authorization).toBeUndefined();
      await playsTo(page, 1);
      expect(await rows(page, "GET /api/auth/token").count()).toBe(0);
      await page.getByRole("button", { name: "End session" }).click();
      await rows(page, "DELETE /stream/", "204 served").waitFor();
    }));

  it("stays signed in after a reload", () =>
    inTab(async ({ page }) => {
      await openPage(page, usual.apiUrl);
      const person = await signUp(page);
      await page.reload();
      await isSignedIn(page, person);
      await says(page, "Ready.");
      expect(await page.getByLabel("Token", { exact: true }).inputValue()).toBe("account");
      await pressPlay(page);
      await playsTo(page, 0.5);
    }));

  it("signs out in every tab, and stops the films there", () =>
    inTab(async ({ page }) => {
      await openPage(page, usual.apiUrl);
      const person = await signUp(page);
      const second = await page.context().newPage();
      await openPage(second, usual.apiUrl);
      await isSignedIn(second, person);
      await pressPlay(second);
      await playsTo(second, 0.5);
      await signOut(page);
      await says(second, "The film stopped because you signed out");
      await isSignedOut(second);
      await choose(second, { token: "cookie" });
      await pressPlay(second);
      await says(second, "401 token_missing");
    }));

  it("must sign in again if the session of its cookie has expired", () =>
    inTab(async ({ page }) => {
      await openPage(page, usual.apiUrl);
      await signUp(page);
      const cookies = await page.context().cookies();
      await signOut(page);
      await says(page, "Signed out.");
      await page.context().addCookies(cookies);
      await choose(page, { token: "cookie" });
      await pressPlay(page);
      await says(page, "(401 sign_in_required). Sign in again.");
    }));

  it("leaves neither password nor token in the document, in storage or in a URL", () =>
    inTab(async ({ page, traffic }) => {
      const person = newPerson();
      const tokenResponse = page.waitForResponse((response) => response.url().endsWith("/api/auth/token"));
      await openPage(page, usual.apiUrl);
      await signUp(page, person);
      await pressPlay(page);
      const { token } = await (await tokenResponse).json();
      await playsTo(page, 0.5);
      const cookies = (await page.context().cookies()).map(({ value }) => decodeURIComponent(value));
      expect(cookies).toHaveLength(1);
      const secrets = [person.password, token.slice(0, 60), token.slice(-20), cookies[0]?.slice(0, 32) ?? ""];
      for (const secret of secrets) expect(secret.length).toBeGreaterThan(16);
      const inspect = () =>
        page.evaluate(async () => ({
          html: document.documentElement.outerHTML,
          fields: [...document.querySelectorAll("input")].map(({ value }) => value).join(),
          stored: [localStorage.length, sessionStorage.length, document.cookie.length],
          databases: (await indexedDB.databases()).length,
        }));
      for (const signOutFirst of [false, true]) {
        if (signOutFirst) {
          await signOut(page);
          await says(page, "The film stopped because you signed out");
        }
        const { html, fields, stored, databases } = await inspect();
        for (const secret of secrets)
          for (const place of [html, fields, page.url(), ...traffic.urls]) expect(place).not.toContain(secret);
        expect([...stored, databases]).toEqual([0, 0, 0, 0]);
      }
    }));
});

describe("the account's form", () => {
  it("says that a password is wrong, once, at the field, and allows another try", () =>
    inTab(async ({ page }) => {
      const faults = await openPage(page, usual.apiUrl);
      const person = await signUp(page);
      await signOut(page);
      await isSignedOut(page);
      const card = await fillIn(page, "Sign in", { ...person, password: `${person.password}-wrong` });
      const words = "No account has this address and this password.";
      await card.getByText(words).waitFor();
      expect(await page.getByText(words).filter({ visible: true }).count()).toBe(1);
      await rows(page, "POST /api/auth/sign-in/email", "401 INVALID_EMAIL_OR_PASSWORD").waitFor();
      const field = card.getByLabel("Password");
      expect(await field.getAttribute("aria-invalid")).toBe("true");
      await field.fill(person.password);
      await field.press("Enter");
      await isSignedIn(page, person);
      expect(await card.isVisible()).toBe(false);
      expect(faults.messages).toEqual([]);
    }));

  it.each([
    ["an invalid e-mail address", { email: "ann" }, "Enter an e-mail address"],
    ["a short password", { password: "short" }, "at least 8 characters"],
  ])("sends no request for %s, and says so once", (_, part, words) =>
    inTab(async ({ page, traffic }) => {
      await openPage(page, usual.apiUrl);
      const card = await fillIn(page, "Create account", { ...newPerson(), ...part });
      await card.locator(".error").getByText(words).waitFor();
      expect(await page.getByText(words).filter({ visible: true }).count()).toBe(1);
      expect(traffic.urls.filter((url) => url.includes("sign-up"))).toEqual([]);
    }),
  );

  it("says that an address already has an account", () =>
    inTab(async ({ page }) => {
      await openPage(page, usual.apiUrl);
      const person = await signUp(page);
      await signOut(page);
      await isSignedOut(page);
      const card = await fillIn(page, "Create account", person);
      await card.getByText("This address already has an account.").waitFor();
    }));

  it("labels its fields for password managers, closes with Escape, and clears the password", () =>
    inTab(async ({ page }) => {
      await openPage(page, usual.apiUrl);
      const open = page.locator("#signed-out").getByRole("button", { name: "Sign in" });
      await open.focus();
      await page.keyboard.press("Enter");
      const card = page.getByRole("dialog", { name: "Sign in" });
      const email = card.getByLabel("E-mail address");
      const password = page.locator("#password");
      expect(await email.evaluate((field) => field === document.activeElement)).toBe(true);
      expect(await email.getAttribute("autocomplete")).toBe("email");
      expect(await password.getAttribute("autocomplete")).toBe("current-password");
      await password.fill("typed and not sent");
      await page.keyboard.press("Escape");
      await card.waitFor({ state: "hidden" });
      expect(await password.inputValue()).toBe("");
      expect(await open.evaluate((button) => button === document.activeElement)).toBe(true);
      await page.locator("#signed-out").getByRole("button", { name: "Create account" }).click();
      expect(await password.getAttribute("autocomplete")).toBe("new-password");
    }));

  it.each([
    ["phone", 360],
    ["tablet", 768],
  ])("fits a %s before and after sign-in", (_, width) =>
    inTab(
      async ({ page }) => {
        await openPage(page, usual.apiUrl);
        const scrollWidth = () => page.evaluate(() => document.documentElement.scrollWidth);
        await page.locator("#signed-out").getByRole("button", { name: "Sign in" }).click();
        expect(await scrollWidth()).toBeLessThanOrEqual(width);
        await page.keyboard.press("Escape");
        await signUp(page);
        expect(await scrollWidth()).toBeLessThanOrEqual(width);
        const [links, account] = await Promise.all(["nav", ".who"].map((part) => page.locator(part).boundingBox()));
        if (!links || !account) throw new Error("the header is not shown");
        expect(links.x + links.width <= account.x || account.y + account.height <= links.y).toBe(true);
      },
      { viewport: { width, height: 800 } },
    ),
  );
});
