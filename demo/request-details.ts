import { askAgain } from "./ask-again.ts";
import { countdownIn, endCountdowns } from "./countdown.ts";
import { element } from "./element.ts";
import { readLink, type SignedLink } from "./signed-link.ts";
import { timeOfDay } from "./time-text.ts";
import { verdictSentence, verdictText } from "./verdict.ts";
import type { Outcome, Watch, WatchedRequest } from "./watched-request.ts";

/** How to start with signatures that end as soon as they may. */
const shortExpiries = "STAGEDOOR_PAUSE_ALLOWANCE=0 STAGEDOOR_EXPIRY_STEP=1 npm start";

/** Nobody waits longer than this for a signature to end. Milliseconds. */
const longestWait = 15 * 60_000;

/** What a request was, what came of it, and buttons that send it again with a change. */
export function requestDetails(
  request: WatchedRequest,
  link: SignedLink | undefined,
  outcome: Outcome,
  watch: Watch,
): DocumentFragment {
  const made = document.createDocumentFragment();
  made.append(element("p", "meaning", verdictSentence(outcome, heldBy(request, link))), facts(link, outcome));
  if (request.url !== undefined && link?.ends !== undefined) made.append(tryAgain(request, request.url, link, watch));
  return made;
}

function heldBy({ kind }: WatchedRequest, link: SignedLink | undefined): string {
  if (kind === "account") return "the identity worker took it";
  if (kind === "start") return "the credential opens this stream";
  if (kind === "end") return "the credential is of the viewer who started the session, and its grant came along";
  return link?.policy === undefined ? "grant and signature hold" : "CloudFront's signature holds; it carries no grant";
}

function facts(link: SignedLink | undefined, outcome: Outcome): HTMLElement {
  const list = element("dl", "facts");
  const fact = (name: string, ...content: (string | Node)[]) =>
    list.append(element("div", "", element("dt", "", name), element("dd", "", ...content)));
  if (link !== undefined) fact("Address", element("code", "", link.shown));
  if (link?.ends !== undefined) fact("Signed for", `${link.signedAs}, until ${timeOfDay(link.ends)}`);
  if ("renewedTo" in outcome && outcome.renewedTo !== undefined)
    fact("Redirected to", element("code", "", readLink(outcome.renewedTo).shown));
  if (outcome.verdict === "refused" && outcome.problem.challenge !== undefined)
    fact("Challenge", element("code", "", outcome.problem.challenge));
  return list;
}

function tryAgain(request: WatchedRequest, url: string, link: SignedLink, watch: Watch): HTMLElement {
  const said = element("p", "said");
  said.setAttribute("role", "status");
  const send = async (how: string, target: string) => {
    said.className = "said";
    said.textContent = `Asking again: ${how} …`;
    const end = watch({ kind: request.kind, url: target, name: link.file, again: how });
    const outcome = await askAgain(target);
    end(outcome);
    said.className = `said ${outcome.verdict}`;
    said.replaceChildren(
      element("strong", "", verdictText(outcome)),
      ` ${verdictSentence(outcome, heldBy(request, link))}`,
    );
  };
  const buttons = [
    button("As it is", () => send("as it is", url)),
    button("Without its signature", () => send("no signature", link.stripped)),
    button("With one byte changed", () => send("one byte changed", link.changed)),
    waitingButton(link.ends ?? 0, said, () => send("after its end", url)),
  ];
  return element("div", "try", element("h3", "", "Ask again"), element("div", "buttons", ...buttons), said);
}

/** Waits until the signature has ended and sends then; a second press gives up. */
function waitingButton(ends: number, said: HTMLElement, send: () => void): HTMLButtonElement {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const label = "After its end";
  const made = button(label, () => {
    const left = ends + 1000 - Date.now();
    if (timer !== undefined) {
      clearTimeout(timer);
      timer = undefined;
      endCountdowns(made);
      made.textContent = label;
      said.textContent = "";
      return;
    }
    if (left <= 0) {
      send();
      return;
    }
    if (left > longestWait) {
      said.textContent = `It ends at ${timeOfDay(ends)}, with the session: too long to wait for here.`;
      return;
    }
    const time = element("span", "time");
    countdownIn(time, ends);
    made.replaceChildren("Give up waiting, ", time);
    said.replaceChildren("Waiting for the signature to end. To wait less: ", element("code", "", shortExpiries));
    timer = setTimeout(() => {
      timer = undefined;
      made.textContent = label;
      // Another stream was started in the meantime, and the list emptied.
      if (made.isConnected) send();
    }, left);
  });
  return made;
}

function button(label: string, press: () => void): HTMLButtonElement {
  const made = element("button", "small", label);
  made.type = "button";
  made.addEventListener("click", press);
  return made;
}
