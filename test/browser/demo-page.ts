import type { Locator, Page } from "playwright-core";
import { testPassword } from "../cluster/secrets.ts";

/** Faults of a page, collected from its opening on. */
export interface PageFaults {
  /** Violations of its Content-Security-Policy, and exceptions. */
  readonly messages: string[];
}

/** A person without an account. */
export function newPerson(): { readonly email: string; readonly password: string } {
  const name = crypto.randomUUID();
  return { email: `${name}@example.com`, password: `${testPassword}-${name}` };
}

export type Person = ReturnType<typeof newPerson>;

/** Opens the page and collects its faults. */
export async function openPage(page: Page, url: string): Promise<PageFaults> {
  const faults: PageFaults = { messages: [] };
  page.on("pageerror", (error) => faults.messages.push(error.message));
  await page.exposeFunction("noteViolation", (text: string) => faults.messages.push(text));
  await page.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) => {
      const note: unknown = Reflect.get(window, "noteViolation");
      if (typeof note === "function") note(`${violatedDirective} ${blockedURI}`);
    });
  });
  await page.goto(url);
  await says(page, "Ready.");
  return faults;
}

/** Opens the account's form with one of the two buttons at the top, fills it in, and submits it. */
export async function fillIn(page: Page, button: "Sign in" | "Create account", person: Person): Promise<Locator> {
  await page.locator("#signed-out").getByRole("button", { name: button }).click();
  const card = page.getByRole("dialog", { name: button });
  await card.getByLabel("E-mail address").fill(person.email);
  await card.getByLabel("Password").fill(person.password);
  await card.getByRole("button", { name: button }).click();
  return card;
}

export async function signUp(page: Page, person: Person = newPerson()): Promise<Person> {
  await fillIn(page, "Create account", person);
  await isSignedIn(page, person);
  return person;
}

export async function signOut(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Sign out" }).click();
}

export async function isSignedIn(page: Page, { email }: Person): Promise<void> {
  await page.locator("#signed-in").filter({ hasText: email }).waitFor();
}

export async function isSignedOut(page: Page): Promise<void> {
  await page.locator("#signed-in").waitFor({ state: "hidden" });
}

export async function choose(page: Page, choice: { readonly stream?: string; readonly token?: string }): Promise<void> {
  const { stream, token } = choice;
  if (stream !== undefined) await page.getByLabel("Stream", { exact: true }).selectOption(stream);
  if (token !== undefined) await page.getByLabel("Token", { exact: true }).selectOption(token);
}

export async function pressPlay(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Play", exact: true }).click();
}

/** Waits until playback has passed `time` seconds. */
export async function playsTo(page: Page, time: number): Promise<void> {
  await page.waitForFunction((past) => (document.querySelector("video")?.currentTime ?? 0) > past, time);
}

export async function says(page: Page, text: string): Promise<void> {
  await page.locator("#status").filter({ hasText: text }).waitFor();
}

/** The request rows whose text contains each of these texts. */
export function rows(page: Page, ...texts: readonly string[]): Locator {
  let matching = page.locator("#requests > li");
  for (const text of texts) matching = matching.filter({ hasText: text });
  return matching;
}

/** Whether the video is empty, so that nothing can continue to play. */
export function isStopped(page: Page): Promise<boolean> {
  return page.evaluate(() => {
    const video = document.querySelector("video");
    return video !== null && !video.hasAttribute("src") && video.readyState === 0 && video.currentTime === 0;
  });
}
