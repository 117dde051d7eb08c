import type { Page } from "playwright-core";
import { inject } from "vitest";
import { operatorScopes } from "../../src/credential/operator.ts";
import { operatorOf } from "../cluster/operator.ts";

/** Signs an operator in to the console of the usual cluster, and waits for the overview. */
export async function signIn(page: Page, scopes: readonly (typeof operatorScopes)[number][] = operatorScopes) {
  const usual = inject("usual");
  const { token } = await operatorOf(usual, "ann", scopes);
  await page.goto(`${usual.apiUrl}/console`);
  await page.getByLabel("Credential").fill(token);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { name: "Sessions now" }).waitFor();
}

export async function findSession(page: Page, id: string): Promise<void> {
  await page.getByLabel("Asset, session or viewer id").fill(id);
  await page.getByRole("button", { name: "Find" }).first().click();
}
