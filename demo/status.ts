import { elementById } from "./element.ts";

const status = elementById("status", HTMLElement);

/** The message for an API that does not respond. */
export const apiDown = "The API does not respond. Is `npm start` still running? Start it and reload this page.";

/** Shows the page's status, also to screen readers. */
export function say(words: string, tone?: "bad"): void {
  status.textContent = words;
  status.classList.toggle("bad", tone === "bad");
}
