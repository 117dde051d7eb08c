import type { Page } from "playwright-core";
import { inject } from "vitest";
import { operatorScopes } from "../../src/auth/operator-token.ts";
import { operatorOf } from "../cluster/operator.ts";

/** Signs an operator in and waits for the overview. */
export async function signIn(page: Page, scopes: readonly (typeof operatorScopes)[number][] = operatorScopes) {
  const usual = inject("usual");
  const { token } = await operatorOf(usual, "ann", scopes);
  await page.goto(`${usual.apiUrl}/console`);
  await page.getByLabel("Credential").fill(token);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { name: "Sessions now" }).waitFor();
}

export async function findSession(page: Page, id: string): Promise<void> {
  await page.getByLabel("Asset, session or viewer id, country, network or player").fill(id);
  await page.getByRole("button", { name: "Find" }).first().click();
}

/** The factor of {@link speedUp}. */
export const speedFactor = 5;

/** Speeds up a page's timers from its next load on. */
export async function speedUp(page: Page): Promise<void> {
  await page.addInitScript((times) => {
    const { setInterval: every, setTimeout: later } = window;
    Object.assign(window, {
      setInterval: (work: () => void, ms = 0) => every(work, ms / times),
      setTimeout: (work: () => void, ms = 0) => later(work, ms / times),
    });
  }, speedFactor);
}

/** The targets of the page that a finger would miss: less than 24 px high (WCAG 2.5.8). */
export function lowTargets(): readonly string[] {
  return [...document.querySelectorAll("a, button, input, select, textarea, summary")].flatMap((target) => {
    const { height, right } = target.getBoundingClientRect();
    // The link that skips the menu is outside of the page until it has the focus.
    const isShown = height > 0 && right > 0;
    return isShown && height < 24 ? [`${target.outerHTML.slice(0, 90)}: ${height} px`] : [];
  });
}
