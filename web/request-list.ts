import { endCountdowns } from "./countdown.ts";
import { element, found } from "./element.ts";
import { RequestRow } from "./request-row.ts";
import type { Outcome, Watch } from "./watched-request.ts";

const list = found("requests", HTMLOListElement);
const empty = found("requests-empty", HTMLElement);
const counters = {
  served: found("count-served", HTMLElement),
  renewed: found("count-renewed", HTMLElement),
  refused: found("count-refused", HTMLElement),
};
let counts = { served: 0, renewed: 0, refused: 0 };

/** Puts a request into the list, and gives back what is to be told how it ended. */
export const watch: Watch = (request) => {
  const row = new RequestRow(request, watch);
  const item = element("li", request.again === undefined ? "" : "again", row.head, row.details);
  list.append(item);
  empty.hidden = true;
  return (outcome) => {
    // A row that was cleared away in the meantime counts no more.
    if (!item.isConnected) return;
    row.end(outcome);
    count(outcome);
  };
};

/** Empties the list. */
export function clearRequests(): void {
  endCountdowns(list);
  list.replaceChildren();
  empty.hidden = false;
  counts = { served: 0, renewed: 0, refused: 0 };
  showCounts();
}

function count(outcome: Outcome): void {
  if (outcome.verdict === "served") counts.served++;
  if (outcome.verdict === "refused") counts.refused++;
  if ("renewedTo" in outcome && outcome.renewedTo !== undefined) counts.renewed++;
  showCounts();
}

function showCounts(): void {
  counters.served.textContent = String(counts.served);
  counters.renewed.textContent = String(counts.renewed);
  counters.refused.textContent = String(counts.refused);
  for (const [name, counter] of Object.entries(counters))
    counter.classList.toggle("some", counter.textContent !== "0" && name !== "served");
}
