import { countdownIn, endCountdowns } from "./countdown.ts";
import { element } from "./element.ts";
import { requestAgain } from "./request-again.ts";
import { readLink, type SignedLink } from "./signed-link.ts";
import { timeOfDay } from "./time-text.ts";
import { verdictSentence, verdictText } from "./verdict.ts";
import type { Outcome, Watch, WatchedRequest } from "./watched-request.ts";

/** Starts the service with the shortest possible expiries. */
const shortExpiries = "STAGEDOOR_PAUSE_ALLOWANCE=0 STAGEDOOR_EXPIRY_STEP=1 npm start";

/** The longest wait for an expiry, in milliseconds. */
const longestWait = 15 * 60_000;

/** The details of a request and its result, with buttons that send it again with a change. */
export function requestDetails(
  request: WatchedRequest,
  link: SignedLink | undefined,
  outcome: Outcome,
  watch: Watch,
): DocumentFragment {
  const fragment = document.createDocumentFragment();
  fragment.append(element("p", "meaning", verdictSentence(outcome, reasonFor(request, link))), facts(link, outcome));
  if (request.url !== undefined && link?.expiresAt !== undefined)
    fragment.append(sendAgain(request, request.url, link, watch));
  return fragment;
}

function reasonFor({ kind }: WatchedRequest, link: SignedLink | undefined): string {
  if (kind === "account") return "the identity worker accepted it";
  if (kind === "start") return "the credential permits this stream";
  if (kind === "end") return "the credential is the viewer's, and the grant is the session's";
  return link?.policy === undefined
    ? "grant and signature are valid"
    : "CloudFront's signature is valid; there is no grant";
}

function facts(link: SignedLink | undefined, outcome: Outcome): HTMLElement {
  const list = element("dl", "facts");
  const fact = (name: string, ...content: (string | Node)[]) =>
    list.append(element("div", "", element("dt", "", name), element("dd", "", ...content)));
  if (link !== undefined) fact("Address", element("code", "", link.shown));
  if (link?.expiresAt !== undefined) fact("Signed for", `${link.signedAs}, until ${timeOfDay(link.expiresAt)}`);
  if ("renewedTo" in outcome && outcome.renewedTo !== undefined)
    fact("Redirected to", element("code", "", readLink(outcome.renewedTo).shown));
  if (outcome.verdict === "refused" && outcome.problem.challenge !== undefined)
    fact("Challenge", element("code", "", outcome.problem.challenge));
  return list;
}

function sendAgain(request: WatchedRequest, url: string, link: SignedLink, watch: Watch): HTMLElement {
  const status = element("p", "said");
  status.setAttribute("role", "status");
  const send = async (how: string, target: string) => {
    status.className = "said";
    status.textContent = `Sending again: ${how} …`;
    const end = watch({ kind: request.kind, url: target, name: link.file, again: how });
    const outcome = await requestAgain(target);
    end(outcome);
    status.className = `said ${outcome.verdict}`;
    status.replaceChildren(
      element("strong", "", verdictText(outcome)),
      ` ${verdictSentence(outcome, reasonFor(request, link))}`,
    );
  };
  const buttons = [
    button("As it is", () => send("as it is", url)),
    button("Without its signature", () => send("no signature", link.stripped)),
    button("With one byte changed", () => send("one byte changed", link.changed)),
    waitingButton(link.expiresAt ?? 0, status, () => send("after its expiry", url)),
  ];
  return element("div", "try", element("h3", "", "Send again"), element("div", "buttons", ...buttons), status);
}

/** Waits until the signature has expired, then sends. A second press cancels. */
function waitingButton(expiresAt: number, status: HTMLElement, send: () => void): HTMLButtonElement {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const label = "After its expiry";
  const waiting = button(label, () => {
    const left = expiresAt + 1000 - Date.now();
    if (timer !== undefined) {
      clearTimeout(timer);
      timer = undefined;
      endCountdowns(waiting);
      waiting.textContent = label;
      status.textContent = "";
      return;
    }
    if (left <= 0) {
      send();
      return;
    }
    if (left > longestWait) {
      status.textContent = `It expires at ${timeOfDay(expiresAt)}, with the session, which is too long to wait here.`;
      return;
    }
    const time = element("span", "time");
    countdownIn(time, expiresAt);
    waiting.replaceChildren("Cancel, ", time);
    status.replaceChildren(
      "Waiting until the signature expires. For shorter expiries: ",
      element("code", "", shortExpiries),
    );
    timer = setTimeout(() => {
      timer = undefined;
      waiting.textContent = label;
      // The row is gone if another stream was started in the meantime.
      if (waiting.isConnected) send();
    }, left);
  });
  return waiting;
}

function button(label: string, press: () => void): HTMLButtonElement {
  const created = element("button", "small", label);
  created.type = "button";
  created.addEventListener("click", press);
  return created;
}
