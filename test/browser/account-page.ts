import type { Locator, Page } from "playwright-core";
import { testPassword } from "../cluster/secrets.ts";

/** What the page must not show, store or break: filled from its opening on. */
export interface Complaints {
  /** What its Content-Security-Policy stopped, and exceptions. */
  readonly seen: string[];
}

/** A person who has no account yet. */
export function newPerson(): { readonly email: string; readonly password: string } {
  const name = crypto.randomUUID();
  return { email: `${name}@example.com`, password: `${testPassword}-${name}` };
}

export type Person = ReturnType<typeof newPerson>;

/** Opens the page and writes down what its policy stops. */
export async function openPage(page: Page, url: string): Promise<Complaints> {
  const complaints: Complaints = { seen: [] };
  page.on("pageerror", (error) => complaints.seen.push(error.message));
  await page.exposeFunction("noteViolation", (text: string) => complaints.seen.push(text));
  await page.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) => {
      const note: unknown = Reflect.get(window, "noteViolation");
      if (typeof note === "function") note(`${violatedDirective} ${blockedURI}`);
    });
  });
  await page.goto(url);
  await says(page, "Ready.");
  return complaints;
}

/** Fills in the account's form, which one of the two buttons at the top opens, and sends it. */
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

export async function chooses(
  page: Page,
  choice: { readonly stream?: string; readonly token?: string },
): Promise<void> {
  const { stream, token } = choice;
  if (stream !== undefined) await page.getByLabel("Stream", { exact: true }).selectOption(stream);
  if (token !== undefined) await page.getByLabel("Token", { exact: true }).selectOption(token);
}

export async function pressPlay(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Play", exact: true }).click();
}

/** Waits until the picture has come to `time` seconds. */
export async function playsTo(page: Page, time: number): Promise<void> {
  await page.waitForFunction((past) => (document.querySelector("video")?.currentTime ?? 0) > past, time);
}

export async function says(page: Page, text: string): Promise<void> {
  await page.locator("#status").filter({ hasText: text }).waitFor();
}

/** The rows of the requests whose line holds each of these texts. */
export function rows(page: Page, ...texts: readonly string[]): Locator {
  let found = page.locator("#requests > li");
  for (const text of texts) found = found.filter({ hasText: text });
  return found;
}

/** Whether there is nothing in the picture and nothing that could go on. */
export function isStopped(page: Page): Promise<boolean> {
  return page.evaluate(() => {
    const video = document.querySelector("video");
    return video !== null && !video.hasAttribute("src") && video.readyState === 0 && video.currentTime === 0;
  });
}
