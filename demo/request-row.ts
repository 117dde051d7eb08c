import { countdownWithBar, endCountdowns } from "./countdown.ts";
import { element } from "./element.ts";
import { requestDetails } from "./request-details.ts";
import { readLink, type SignedLink } from "./signed-link.ts";
import { verdictText } from "./verdict.ts";
import type { Outcome, Watch, WatchedRequest } from "./watched-request.ts";

let rows = 0;

/** A request in the list: a row with its result, and details below it. */
export class RequestRow {
  readonly head: HTMLButtonElement;
  readonly details: HTMLElement;
  readonly #request: WatchedRequest;
  readonly #link: SignedLink | undefined;
  readonly #watch: Watch;
  readonly #verdict = element("span", "verdict pending", "waiting");
  readonly #expiry = element("span", "expiry");
  #outcome: Outcome | undefined;

  constructor(request: WatchedRequest, watch: Watch) {
    this.#request = request;
    this.#watch = watch;
    this.#link = request.url === undefined ? undefined : readLink(request.url);
    this.head = this.#makeHead();
    this.details = element("div", "details");
    this.details.id = `request-${++rows}`;
    this.details.hidden = true;
    this.head.setAttribute("aria-controls", this.details.id);
    this.head.ariaExpanded = "false";
    this.head.addEventListener("click", () => this.#toggle());
    this.#countDown(this.#link);
  }

  /** Shows the result of the request. After a renewal, the fresh signature counts down. */
  end(outcome: Outcome): void {
    this.#outcome = outcome;
    this.#verdict.className = `verdict ${toneOf(outcome)}`;
    this.#verdict.textContent = verdictText(outcome);
    if ("renewedTo" in outcome && outcome.renewedTo !== undefined) this.#countDown(readLink(outcome.renewedTo));
    // The expiry of an invalid signature means nothing.
    if (outcome.verdict === "refused" && outcome.problem.code !== "signature_expired") {
      endCountdowns(this.#expiry);
      this.#expiry.replaceChildren();
    }
    if (!this.details.hidden) this.#fillDetails();
  }

  #makeHead(): HTMLButtonElement {
    const { kind, name, note, again } = this.#request;
    const file = element("span", "file", name ?? this.#link?.file ?? "");
    for (const remark of [note, again]) if (remark !== undefined) file.append(element("span", "how", remark));
    const head = element("button", "request", element("span", "kind", kind), file, this.#verdict, this.#expiry);
    const policy = this.#link?.policy;
    if (policy !== undefined) file.append(element("span", "tag", policy));
    head.type = "button";
    return head;
  }

  #countDown(link: SignedLink | undefined): void {
    if (link?.expiresAt === undefined) return;
    endCountdowns(this.#expiry);
    this.#expiry.replaceChildren(countdownWithBar(Date.now(), link.expiresAt));
  }

  #toggle(): void {
    this.details.hidden = !this.details.hidden;
    this.head.ariaExpanded = String(!this.details.hidden);
    if (!this.details.hidden && this.details.childElementCount === 0) this.#fillDetails();
  }

  #fillDetails(): void {
    if (this.#outcome === undefined) return;
    this.details.replaceChildren(requestDetails(this.#request, this.#link, this.#outcome, this.#watch));
  }
}

function toneOf(outcome: Outcome): string {
  if (outcome.verdict !== "served") return outcome.verdict;
  return outcome.renewedTo === undefined ? "served" : "renewed";
}
