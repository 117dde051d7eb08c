import type { Refusal } from "../base/refusal.ts";
import type { Result } from "../base/result.ts";
import type { Catalog } from "./catalog.ts";

/** What a change of the catalog came to. */
export interface CatalogChange {
  /** The asset as it stands in the document now; undefined where it was removed. */
  readonly asset: unknown;
  readonly was: "added" | "replaced" | "removed" | "unchanged";
}

/**
 * The port to the catalog as operators change it while everything runs. Changes take turns, so that none writes over
 * another's; the workers know of one within two minutes.
 */
export interface CatalogEditing {
  /** The catalog as it is stored now. */
  read(): Promise<Result<Catalog, Refusal>>;
  /** Adds an asset, or puts it in the place of the one of its id. `asset_invalid` with every fault. */
  put(id: string, asset: unknown): Promise<Result<CatalogChange, Refusal>>;
  /** `asset_unknown` where there is none. */
  remove(id: string): Promise<Result<CatalogChange, Refusal>>;
}
