import { type DemoStream, loadStreams } from "./demo-data.ts";
import { element, elementById } from "./element.ts";

const choice = elementById("stream", HTMLSelectElement);
const idField = elementById("asset-id-field", HTMLElement);
const id = elementById("asset-id", HTMLInputElement);
const news = elementById("stream-news", HTMLElement);

/** The option for an asset that is not in the list. No asset has this id: an id begins with a letter or a digit. */
const byId = ":id";

/** How often the list is loaded again while the page is visible, in milliseconds. */
const refreshInterval = 3000;

const groups: readonly { readonly name: DemoStream["group"]; readonly label: string }[] = [
  { name: "edge", label: "Served by the edge worker" },
  { name: "live", label: "Live" },
  { name: "cloudfront", label: "At CloudFront" },
  { name: "added", label: "Added to the catalog" },
];

/**
 * Offers the playable streams and a field for the id of any other asset, and selects `preferred`. The list follows the
 * catalog: a newly added asset appears by itself. The returned function reads the id of the selected asset.
 */
export function offerStreams(streams: readonly DemoStream[], preferred: string | null): () => string {
  let shown = streams.filter(({ playable }) => playable);
  show(shown);
  if (preferred !== null && preferred !== "") select(preferred);
  showField();
  choice.addEventListener("change", () => {
    showField();
    if (choice.value === byId) id.focus();
  });
  followCatalog((loaded) => {
    const next = loaded.filter(({ playable }) => playable);
    if (JSON.stringify(next) === JSON.stringify(shown)) return;
    const before = choice.value;
    show(next);
    select(before);
    showField();
    tellNews(shown, next);
    shown = next;
  });
  return () => (choice.value === byId ? id.value.trim() : choice.value);
}

/** Which of the page's poster and thumbnail track a listed asset offers. */
export function filesOf(asset: string): readonly string[] {
  return offered.get(asset) ?? [];
}

let offered: ReadonlyMap<string, readonly string[]> = new Map();

/** Whether the list has an asset with this id. */
export function isListed(asset: string): boolean {
  return [...choice.options].some(({ value }) => value === asset);
}

function show(streams: readonly DemoStream[]): void {
  offered = new Map(streams.map(({ id, files }) => [id, files]));
  const list = groups.flatMap(({ name, label }) => {
    const options = streams
      .filter(({ group }) => group === name)
      .map(({ id, title }) => new Option(title === "" ? id : `${id}: ${title}`, id));
    if (options.length === 0) return [];
    const group = element("optgroup", "", ...options);
    group.label = label;
    return [group];
  });
  choice.replaceChildren(...list, new Option("Another asset, by its id", byId));
}

/** Selects an asset: in the list, or by its id if the list does not have it. */
function select(asset: string): void {
  choice.value = isListed(asset) ? asset : byId;
  if (!isListed(asset)) id.value = asset;
}

function showField(): void {
  idField.hidden = choice.value !== byId;
  id.required = choice.value === byId;
}

function tellNews(before: readonly DemoStream[], after: readonly DemoStream[]): void {
  const known = new Set(before.map(({ id }) => id));
  const added = after.map(({ id }) => id).filter((id) => !known.has(id));
  if (added.length === 0) return;
  news.textContent = `${added.join(", ")} ${added.length === 1 ? "was" : "were"} added to the catalog.`;
  news.hidden = false;
}

function followCatalog(update: (streams: readonly DemoStream[]) => void): void {
  const refresh = async () => {
    if (document.visibilityState !== "visible") return;
    try {
      update(await loadStreams());
    } catch {
      // The service is restarting, or it is down, which the next press of Play reports.
    }
  };
  setInterval(() => void refresh(), refreshInterval);
  document.addEventListener("visibilitychange", () => void refresh());
}
