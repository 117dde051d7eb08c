import { ok, type Refusal, type Result, refusal, refuse } from "../base/result.ts";
import { assetSchema } from "./asset.ts";
import { parseCatalogText } from "./catalog.ts";
import { type CatalogFault, describeFault } from "./catalog-fault.ts";
import { withAsset, withoutAsset } from "./document-text.ts";
import { enforcementModes, isKnownMode } from "./enforcement.ts";

/** A change of one asset. */
export type CatalogEdit =
  | { readonly does: "put"; readonly id: string; readonly asset: unknown; readonly replace: boolean }
  | { readonly does: "set"; readonly id: string; readonly members: Readonly<Record<string, unknown>> }
  | { readonly does: "remove"; readonly id: string };

export interface EditedCatalog {
  /** The whole document to store. */
  readonly text: string;
  readonly change: CatalogChange;
}

const emptyCatalog = '{\n  "version": 1,\n  "assets": []\n}\n';

/**
 * Applies a change to a catalog's text. Bytes that do not belong to the asset stay, in their order. Without a catalog,
 * the first asset creates one. `asset_invalid` has every fault that the change would add; or all faults, if the catalog
 * has some and the change fixes none. A catalog with faults is never used, but several faulty assets can be fixed one
 * after the other.
 */
export function editCatalog(
  before: string | undefined,
  asked: CatalogEdit,
): Result<EditedCatalog, Refusal<"asset_invalid"> | Refusal<"asset_unknown">> {
  const text = before ?? emptyCatalog;
  const old = faultsIn(text);
  const assets = assetsIn(text);
  if (assets === undefined) return invalid(old);
  const { id } = asked;
  const places = assets.flatMap((asset, index) => (Object(asset).id === id ? [index] : []));
  const [first, ...more] = places;
  if (asked.does !== "put" && first === undefined) return refusal("asset_unknown", "the catalog has no such asset");
  const members = asked.does === "set" ? { ...Object(assets[first ?? 0]), ...asked.members } : undefined;
  const edit = asked.does === "set" ? ({ does: "put", id, asset: members, replace: true } as const) : asked;
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

/** The parts of a catalog that may be shown; see {@link StoredCatalog}. */
export function storedCatalog(text: string | undefined): StoredCatalog {
  if (text === undefined) return { assets: [], faults: [] };
  const assets = assetsIn(text) ?? [];
  return { assets: assets.filter((asset) => assetSchema.safeParse(asset).success), faults: faultsIn(text) };
}

/** Leaves one asset with the id, even if there were several. */
function changed(
  text: string,
  edit: Exclude<CatalogEdit, { readonly does: "set" }>,
  [first, ...more]: readonly number[],
): string {
  const single = more.toReversed().reduce(withoutAsset, text);
  if (edit.does === "put") return withAsset(single, first, edit.asset);
  return first === undefined ? single : withoutAsset(single, first);
}

function ownFaults(
  { id, asset, replace }: CatalogEdit & { readonly does: "put" },
  isThere: boolean,
): readonly CatalogFault[] {
  const of = (name: CatalogFault["name"], advice: string) => [{ name, asset: id, field: "id", advice }];
  if (Object(asset).id !== id) return of("schema", "Use the id of the request's path.");
  const { mode } = Object(Object(asset).enforcement);
  if (mode !== undefined && !isKnownMode(mode)) {
    const advice = `Choose ${enforcementModes.join(", ")}: an unknown mode enforces.`;
    return [{ name: "enforcement_unknown", asset: id, field: "enforcement.mode", advice }];
  }
  return isThere && !replace
    ? of("id_duplicate", "An asset with this id exists. Choose another id, or replace the asset.")
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

/** The list of assets, unparsed; undefined if the text has none. */
function assetsIn(text: string): readonly unknown[] | undefined {
  try {
    const { assets } = Object(JSON.parse(text));
    return Array.isArray(assets) ? assets : undefined;
  } catch {
    return undefined;
  }
}

/** Whether two JSON values are equal, regardless of the order of members. */
function isSame(a: unknown, b: unknown): boolean {
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return a === b;
  const [left, right] = [Object.entries(a), new Map<string, unknown>(Object.entries(b))];
  if (Array.isArray(a) !== Array.isArray(b) || left.length !== right.size) return false;
  return left.every(([name, value]) => right.has(name) && isSame(value, right.get(name)));
}

/** The result of a change. */
export interface CatalogChange {
  /** The asset as it is in the document now; undefined if it was removed. */
  readonly asset: unknown;
  readonly was: "added" | "replaced" | "removed" | "unchanged";
  /** Remaining faults of other assets, if the change fixed a faulty catalog in part; usually empty. */
  readonly faults: readonly string[];
}

/** The stored catalog. */
export interface StoredCatalog {
  /**
   * Every valid asset as it is in the document. Faulty ones are left out: they may contain a secret in the wrong place.
   */
  readonly assets: readonly unknown[];
  /** All faults of the document. Workers accept only a catalog without faults. */
  readonly faults: readonly CatalogFault[];
}

/** `asset_invalid` names every fault that the catalog would have. `store_unavailable`: nothing was changed. */
type PutRefusal = Refusal<"asset_invalid" | "store_unavailable">;

/** A removal and a change of members need an existing asset. */
export type EditRefusal = PutRefusal | Refusal<"asset_unknown">;

/**
 * Port: the catalog, edited while the service runs. Changes take turns, so none overwrites another. Workers use a
 * change within two minutes.
 */
export interface CatalogEditing {
  /** The catalog as it is stored now. */
  read(): Promise<Result<StoredCatalog, Refusal<"store_unavailable">>>;
  /** Adds an asset, or replaces the one with its id unless `replace` is false. */
  put(id: string, asset: unknown, replace?: boolean): Promise<Result<CatalogChange, PutRefusal>>;
  /** Replaces these members of an asset, and leaves the others. */
  set(id: string, members: Readonly<Record<string, unknown>>): Promise<Result<CatalogChange, EditRefusal>>;
  remove(id: string): Promise<Result<CatalogChange, EditRefusal>>;
}
