import { element, elementById } from "./element.ts";
import { requestAgain } from "./request-again.ts";
import { readLink } from "./signed-link.ts";
import { verdictSentence, verdictText } from "./verdict.ts";
import type { Outcome, Watch, WatchedRequest } from "./watched-request.ts";

const panel = elementById("trial", HTMLElement);
const button = elementById("trial-send", HTMLButtonElement);
const result = elementById("trial-result", HTMLElement);

/** A file to try, with the functions that send it and show the result. */
interface Trial {
  readonly request: WatchedRequest;
  readonly watch: Watch;
}

let current: Trial | undefined;
button.addEventListener("click", () => void send());

/** Offers to send a request of the player again without its signature. A segment is preferred to other files. */
export function offerTrial(request: WatchedRequest, watch: Watch): void {
  if (request.url === undefined || readLink(request.url).expiresAt === undefined) return;
  if (current?.request.kind === "segment" && request.kind !== "segment") return;
  current = { request, watch };
  panel.hidden = false;
}

export function hideTrial(): void {
  current = undefined;
  panel.hidden = true;
  result.replaceChildren();
}

async function send(): Promise<void> {
  const trial = current;
  if (trial?.request.url === undefined) return;
  const { request, watch } = trial;
  const { file, stripped } = readLink(trial.request.url);
  result.className = "said";
  result.textContent = `Sending ${file} without its signature …`;
  const end = watch({ kind: request.kind, url: stripped, name: file, again: "no signature" });
  const outcome = await requestAgain(stripped);
  end(outcome);
  if (current === undefined) return;
  result.className = `said ${outcome.verdict}`;
  result.replaceChildren(element("strong", "", verdictText(outcome)), ` ${resultText(file, outcome)}`);
}

function resultText(file: string, outcome: Outcome): string {
  return outcome.verdict === "refused" && outcome.problem.code === "signature_missing"
    ? `The media host refuses ${file} without its signature. Open a request in the list to try more changes.`
    : verdictSentence(outcome, "the media host did not check the signature");
}
