import { ok, type Refusal, type Result, refusal } from "../base/result.ts";
import { after, type Clock, type Seconds, seconds, type UnixSeconds } from "../base/time.ts";
import { type Catalog, parseCatalogText } from "./catalog.ts";
import { type CatalogFault, describeFault } from "./catalog-fault.ts";

/** `store_unavailable`: the store does not respond. `configuration_invalid`: the document is missing or faulty. */
export type CatalogUnavailable = Refusal<"store_unavailable" | "configuration_invalid">;

export interface CatalogSource {
  /** The document as JSON text; undefined if there is none. Throws if the store does not respond. */
  readonly load: () => Promise<string | undefined>;
  readonly clock: Clock;
  /** How long a catalog is used before it is loaded again. */
  readonly maxAge?: Seconds;
  /** How much longer the last good catalog is used while the store is down or has a faulty one. */
  readonly maxStale?: Seconds;
  /** Called when a reload fails, also if the last good catalog is used: for the log. */
  readonly onRefusal?: (refusal: Refusal) => void;
}

/** Shorter in development, where someone is waiting for the change. */
export function defaultMaxAge(development: boolean): Seconds {
  return seconds(development ? 5 : 30);
}

/** How long a failed or running load keeps others in the isolate from loading too. */
const retryAfter = seconds(5);

interface Kept {
  readonly text: string;
  readonly catalog: Catalog;
  readonly freshUntil: UnixSeconds;
  readonly goodUntil: UnixSeconds;
}

/**
 * Caches the catalog: parsed once, used for `maxAge` (30 s), and for another `maxStale` (10 min) while no better one is
 * available. Requests share the catalog and never the promise of a load (see `base/concurrency.ts`).
 */
export function keepCatalog(source: CatalogSource): () => Promise<Result<Catalog, CatalogUnavailable>> {
  const { load, clock, maxAge = defaultMaxAge(false), maxStale = seconds(600), onRefusal } = source;
  let kept: Kept | undefined;
  let nextTry: UnixSeconds | undefined;

  const keep = (text: string): Result<Catalog, Refusal<"configuration_invalid">> => {
    // Most reloads end here: the text has not changed.
    const parsed = kept?.text === text ? ok(kept.catalog) : parseCatalogText(text);
    if (!parsed.ok) return refusal("configuration_invalid", faultsReason(parsed.refusal));
    const freshUntil = after(clock(), maxAge);
    kept = { text, catalog: parsed.value, freshUntil, goodUntil: after(freshUntil, maxStale) };
    return parsed;
  };

  const reload = async (): Promise<Result<Catalog, CatalogUnavailable>> => {
    let text: string | undefined;
    try {
      text = await load();
    } catch {
      return refusal("store_unavailable", "the catalog's store did not respond");
    }
    return text === undefined ? refusal("configuration_invalid", "the store has no catalog") : keep(text);
  };

  return async () => {
    const now = clock();
    const good = kept !== undefined && now < kept.goodUntil ? kept : undefined;
    const waiting = nextTry !== undefined && now < nextTry;
    if (good !== undefined && (now < good.freshUntil || waiting)) return ok(good.catalog);
    nextTry = after(now, retryAfter);
    const loaded = await reload();
    if (loaded.ok) return loaded;
    onRefusal?.(loaded.refusal);
    return good === undefined ? loaded : ok(good.catalog);
  };
}

function faultsReason(faults: readonly CatalogFault[]): string {
  return `the catalog has ${faults.length} fault${faults.length === 1 ? "" : "s"}: ${faults.map(describeFault).join(" ")}`;
}
