import type { Refusal } from "../base/refusal.ts";
import type { Result } from "../base/result.ts";
import type { CatalogFault } from "./fault.ts";

/** What a change of the catalog came to. */
export interface CatalogChange {
  /** The asset as it stands in the document now; undefined where it was removed. */
  readonly asset: unknown;
  readonly was: "added" | "replaced" | "removed" | "unchanged";
  /** What is wrong with other assets still, where the change mended a faulty catalog in part; as a rule empty. */
  readonly faults: readonly string[];
}

/** The catalog as it is stored. */
export interface StoredCatalog {
  /** Every sound asset as it stands in the document. A faulty one is left out: a secret may stand where its name belongs. */
  readonly assets: readonly unknown[];
  /** Everything that is wrong with the document; workers take none that has a fault. */
  readonly faults: readonly CatalogFault[];
}

/**
 * The port to the catalog as operators change it while everything runs. Changes take turns, so that none writes over
 * another's; the workers know of one within two minutes. `store_unavailable` where the store fails: then nothing was changed.
 */
export interface CatalogEditing {
  /** The catalog as it is stored now. */
  read(): Promise<Result<StoredCatalog, Refusal>>;
  /**
   * Adds an asset, or puts it in the place of the one of its id unless `replace` is false. `asset_invalid` with every fault
   * that the catalog would have.
   */
  put(id: string, asset: unknown, replace?: boolean): Promise<Result<CatalogChange, Refusal>>;
  /** `asset_unknown` where there is none. */
  remove(id: string): Promise<Result<CatalogChange, Refusal>>;
}
