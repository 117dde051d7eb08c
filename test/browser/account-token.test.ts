import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { signDevToken } from "../../cli/lib/dev-keys.ts";
import { startTestCluster } from "../cluster/test-cluster.ts";
import { browserForFile } from "./browsing.ts";
import { choose, fillIn, newPerson, openPage, playsTo, pressPlay, rows, says, signUp } from "./demo-page.ts";

const inTab = browserForFile();

/** Access tokens expire after five seconds; three sign-in attempts per person, two starts per viewer. */
const settings = { STAGEDOOR_IDENTITY_ACCESS_TTL: "5", STAGEDOOR_SIGN_IN_RATE: "3", STAGEDOOR_START_RATE: "2" };

let cluster: Awaited<ReturnType<typeof startTestCluster>>;
beforeAll(async () => {
  cluster = await startTestCluster(settings);
});
afterAll(() => cluster.stop());

describe("the account's access token", () => {
  it("is refreshed at its expiry while the film plays", () =>
    inTab(async ({ page }) => {
      const faults = await openPage(page, cluster.addresses.apiUrl);
      await signUp(page);
      await choose(page, { stream: "live" });
      await pressPlay(page);
      await playsTo(page, 1);
      await rows(page, "GET /api/auth/token", "access token refreshed", "200 served").first().waitFor();
      const time = await page.evaluate(() => document.querySelector("video")?.currentTime ?? 0);
      await playsTo(page, time + 2);
      await page.getByRole("button", { name: "End session" }).click();
      await rows(page, "DELETE /stream/", "204 served").waitFor();
      expect(faults.messages).toEqual([]);
    }));

  it("is refreshed once if the API reports it expired, and the page says so", () =>
    inTab(async ({ page }) => {
      await openPage(page, cluster.addresses.apiUrl);
      await signUp(page);
      const claims = { subject: "somebody", assets: "*", lifetimeSeconds: -3600 } as const;
      const expired = await signDevToken({ keys: cluster.addresses.keys }, claims);
      let starts = 0;
      await page.route("**/stream/start", async (route) => {
        const headers = await route.request().allHeaders();
        await route.continue(starts++ === 0 ? { headers: { ...headers, authorization: `Bearer ${expired}` } } : {});
      });
      await pressPlay(page);
      await rows(page, "POST /stream/start", "401 token_expired").waitFor();
      await rows(page, "GET /api/auth/token", "access token refreshed").first().waitFor();
      await rows(page, "POST /stream/start", "201 served").waitFor();
      await says(page, "Playing vod-ts. The access token had expired, so a new one was fetched.");
      expect(starts).toBe(2);
    }));
});

describe("a rate limit", () => {
  it("makes the page say when to try to sign in again", () =>
    inTab(async ({ page }) => {
      await openPage(page, cluster.addresses.apiUrl);
      const card = await fillIn(page, "Sign in", newPerson());
      for (let tries = 1; tries < 4; tries++) {
        await rows(page, "POST /api/auth/sign-in/email")
          .nth(tries - 1)
          .waitFor();
        await rows(page, "waiting").waitFor({ state: "detached" });
        await card.getByRole("button", { name: "Sign in" }).click();
      }
      await rows(page, "429 rate_limited").waitFor();
      await card
        .getByRole("alert")
        .getByText(/\(429 rate_limited\)\. Try again in .+, at .+\./)
        .waitFor();
    }));

  it("makes the page say when to start again", () =>
    inTab(async ({ page }) => {
      await openPage(page, cluster.addresses.apiUrl);
      await signUp(page);
      for (let starts = 0; starts < 3; starts++) {
        await pressPlay(page);
        await rows(page, "POST /stream/start").filter({ hasNotText: "waiting" }).waitFor();
      }
      await says(page, "(429 rate_limited). Try again in");
    }));
});
