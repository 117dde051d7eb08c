import { endCountdowns } from "./countdown.ts";
import { element, elementById } from "./element.ts";
import { RequestRow } from "./request-row.ts";
import type { Outcome, Watch } from "./watched-request.ts";

const list = elementById("requests", HTMLOListElement);
const empty = elementById("requests-empty", HTMLElement);
const counters = {
  served: elementById("count-served", HTMLElement),
  renewed: elementById("count-renewed", HTMLElement),
  refused: elementById("count-refused", HTMLElement),
};
/**
 * A live stream sends a request twice a second. The list keeps the first rows, which began the stream, and the last
 * ones.
 */
const most = { rows: 200, first: 6 };

let counts = { served: 0, renewed: 0, refused: 0 };

/** Adds a request to the list. The returned function shows its result. */
export const watch: Watch = (request) => {
  const row = new RequestRow(request, watch);
  const item = element("li", request.again === undefined ? "" : "again", row.head, row.details);
  list.append(item);
  makeRoom();
  empty.hidden = true;
  const ownCounts = counts;
  return (outcome) => {
    // A request from before the list was cleared no longer counts.
    if (ownCounts !== counts) return;
    row.end(outcome);
    count(outcome);
  };
};

/** Removes the oldest row, except the first ones and rows that are open. */
function makeRoom(): void {
  if (list.childElementCount <= most.rows) return;
  const rows = [...list.children].slice(most.first);
  const oldest = rows.find((item) => item.querySelector("[aria-expanded=true]") === null);
  if (!(oldest instanceof HTMLElement)) return;
  endCountdowns(oldest);
  oldest.remove();
}

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
