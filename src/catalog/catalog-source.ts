import { ok, type Refusal, type Result, refusal } from "../base/result.ts";
import { after, type Clock, type Seconds, seconds, type UnixSeconds } from "../base/time.ts";
import { type Catalog, parseCatalogText } from "./catalog.ts";
import { type CatalogFault, describeFault } from "./catalog-fault.ts";

/** `store_unavailable`: the store does not answer. `configuration_invalid`: the document is missing or faulty. */
export type CatalogUnavailable = Refusal<"store_unavailable" | "configuration_invalid">;

export interface CatalogSource {
  /** The document as JSON text, undefined where there is none. It throws where the store does not answer. */
  readonly load: () => Promise<string | undefined>;
  readonly clock: Clock;
  /** How long a catalog is used before it is read again. */
  readonly maxAge?: Seconds;
  /** How long beyond that the last good one is used, where the store is down or holds a faulty one. */
  readonly maxStale?: Seconds;
  /** Told why a reload failed, also where the last good catalog still answers: for the log. */
  readonly onRefusal?: (refusal: Refusal) => void;
}

/** How long a worker uses a catalog before it reads it again: on a development machine somebody is waiting. */
export function usualMaxAge(development: boolean): Seconds {
  return seconds(development ? 5 : 30);
}

/** How long a failed load, or one that is under way, keeps others in the isolate from trying the same. */
const retryAfter = seconds(5);

interface Kept {
  readonly text: string;
  readonly catalog: Catalog;
  readonly freshUntil: UnixSeconds;
  readonly goodUntil: UnixSeconds;
}

/**
 * The catalog as requests ask for it: parsed once, kept for `maxAge` (30 s), and beyond that for `maxStale` (10 min)
 * while no better one is to be had. `store_unavailable` where the store is down and nothing is kept,
 * `configuration_invalid` where the document is missing or faulty.
 *
 * Requests share the catalog and never the promise of a read (see `base/refresh-once.ts`).
 */
export function keepCatalog(source: CatalogSource): () => Promise<Result<Catalog, CatalogUnavailable>> {
  const { load, clock, maxAge = usualMaxAge(false), maxStale = seconds(600), onRefusal } = source;
  let kept: Kept | undefined;
  let nextTry: UnixSeconds | undefined;

  const keep = (text: string): Result<Catalog, Refusal<"configuration_invalid">> => {
    // The same text means the same catalog: most reloads end here.
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
      return refusal("store_unavailable", "the store of the catalog did not answer");
    }
    return text === undefined ? refusal("configuration_invalid", "the store holds no catalog") : keep(text);
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
