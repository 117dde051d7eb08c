import { ok, type Refusal, type Result, refusal, refuse } from "../base/result.ts";
import { assetSchema } from "./asset.ts";
import { parseCatalogText } from "./catalog.ts";
import { type CatalogFault, describeFault } from "./catalog-fault.ts";
import { withAsset, withoutAsset } from "./document-text.ts";

/** A change of one asset. */
export type CatalogEdit =
  | { readonly does: "put"; readonly id: string; readonly asset: unknown; readonly replace: boolean }
  | { readonly does: "remove"; readonly id: string };

export interface EditedCatalog {
  /** The whole document, as it has to be stored now. */
  readonly text: string;
  readonly change: CatalogChange;
}

const emptyCatalog = '{\n  "version": 1,\n  "assets": []\n}\n';

/**
 * A catalog's text after a change: all that does not belong to the asset keeps its bytes and its order. Where there is no
 * catalog yet, the first asset makes one. `asset_invalid` with every fault that the change would bring in, and with all there
 * are where it mends none: no worker takes a catalog with a fault, so a change of one would never come to anything, but two
 * faulty assets are mended one after the other. `asset_unknown` where there is nothing to remove.
 */
export function editCatalog(
  before: string | undefined,
  edit: CatalogEdit,
): Result<EditedCatalog, Refusal<"asset_invalid" | "asset_unknown">> {
  const text = before ?? emptyCatalog;
  const old = faultsIn(text);
  const assets = assetsIn(text);
  if (assets === undefined) return invalid(old);
  const places = assets.flatMap((asset, index) => (Object(asset).id === edit.id ? [index] : []));
  const [first, ...more] = places;
  if (edit.does === "remove" && first === undefined) return refusal("asset_unknown", "the catalog has no such asset");
  const was = first !== undefined && more.length === 0 && edit.does === "put" && isSame(assets[first], edit.asset);
  const next = was ? text : changed(text, edit, places);
  const left = faultsIn(next);
  const known = new Set(old.map(describeFault));
  const brought = [
    ...(edit.does === "put" && !was ? ownFaults(edit, first !== undefined) : []),
    ...left.filter((fault) => !known.has(describeFault(fault))),
  ];
  if (brought.length > 0) return invalid(brought);
  if (left.length > 0 && left.length >= old.length) return invalid(left);
  const faults = left.map(describeFault);
  if (edit.does === "remove") return ok({ text: next, change: { asset: undefined, was: "removed", faults } });
  const what = was ? "unchanged" : first === undefined ? "added" : "replaced";
  return ok({ text: next, change: { asset: edit.asset, was: what, faults } });
}

/** What of a catalog's text may be shown: see {@link StoredCatalog}. */
export function storedCatalog(text: string | undefined): StoredCatalog {
  if (text === undefined) return { assets: [], faults: [] };
  const assets = assetsIn(text) ?? [];
  return { assets: assets.filter((asset) => assetSchema.safeParse(asset).success), faults: faultsIn(text) };
}

/** With one asset of an id in the end, however many there were. */
function changed(text: string, edit: CatalogEdit, [first, ...more]: readonly number[]): string {
  const single = more.toReversed().reduce(withoutAsset, text);
  if (edit.does === "put") return withAsset(single, first, edit.asset);
  return first === undefined ? single : withoutAsset(single, first);
}

function ownFaults(
  { id, asset, replace }: CatalogEdit & { readonly does: "put" },
  isThere: boolean,
): readonly CatalogFault[] {
  const of = (name: CatalogFault["name"], advice: string) => [{ name, asset: id, field: "id", advice }];
  if (Object(asset).id !== id) return of("schema", "Put the id here that it is sent under.");
  return isThere && !replace
    ? of("id_duplicate", "There is an asset of this id. Choose another id, or say that it is to be replaced.")
    : [];
}

function invalid(faults: readonly CatalogFault[]) {
  const reason = `the catalog would have ${faults.length} fault${faults.length === 1 ? "" : "s"}`;
  return refuse({ code: "asset_invalid", reason, faults: faults.map(describeFault) } as const);
}

function faultsIn(text: string): readonly CatalogFault[] {
  const parsed = parseCatalogText(text);
  return parsed.ok ? [] : parsed.refusal;
}

/** The list of assets, whatever stands in it; undefined where the text has none. */
function assetsIn(text: string): readonly unknown[] | undefined {
  try {
    const { assets } = Object(JSON.parse(text));
    return Array.isArray(assets) ? assets : undefined;
  } catch {
    return undefined;
  }
}

/** Whether two values of JSON are one, whatever the order of their members. */
function isSame(a: unknown, b: unknown): boolean {
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return a === b;
  const [left, right] = [Object.entries(a), new Map<string, unknown>(Object.entries(b))];
  if (Array.isArray(a) !== Array.isArray(b) || left.length !== right.size) return false;
  return left.every(([name, value]) => right.has(name) && isSame(value, right.get(name)));
}

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

/** `asset_invalid` names every fault that the catalog would have. `store_unavailable`: nothing was changed. */
export type EditRefusal = Refusal<"asset_invalid" | "asset_unknown" | "store_unavailable">;

/**
 * The port to the catalog as operators change it while everything runs. Changes take turns, so that none writes over
 * another's; the workers know of one within two minutes. `store_unavailable` where the store fails: then nothing was changed.
 */
export interface CatalogEditing {
  /** The catalog as it is stored now. */
  read(): Promise<Result<StoredCatalog, Refusal<"store_unavailable">>>;
  /**
   * Adds an asset, or puts it in the place of the one of its id unless `replace` is false. `asset_invalid` with every fault
   * that the catalog would have.
   */
  put(id: string, asset: unknown, replace?: boolean): Promise<Result<CatalogChange, EditRefusal>>;
  /** `asset_unknown` where there is none. */
  remove(id: string): Promise<Result<CatalogChange, EditRefusal>>;
}
