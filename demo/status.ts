import { found } from "./element.ts";

const status = found("status", HTMLElement);

/** What is said where the API gives no answer at all. */
export const apiDown = "The API does not answer. Is `npm start` still running? Start it and load this page again.";

/** Shows the page's status, to screen readers too. */
export function say(words: string, tone?: "bad"): void {
  status.textContent = words;
  status.classList.toggle("bad", tone === "bad");
}
