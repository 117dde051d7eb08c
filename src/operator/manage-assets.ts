import { isObject, readUniqueJson } from "../base/body-text.ts";
import { ok, type Refusal, type Result, refuse } from "../base/result.ts";
import { assetSchema } from "../catalog/asset.ts";
import { rootFaults } from "../catalog/asset-origin.ts";
import { describeFault } from "../catalog/catalog-fault.ts";
import type { CatalogChange, EditRefusal, StoredCatalog } from "../catalog/edit-catalog.ts";
import { secretFaults } from "../catalog/origin-secrets.ts";
import { fromStore } from "../sessions/session-context.ts";
import type { OperatorContext } from "./operator-context.ts";

/**
 * `GET /operator/assets`: the catalog as it is stored now; the workers may still use an older version. Secrets appear
 * as the names of their bindings only.
 */
export async function listAssets(
  context: Pick<OperatorContext, "catalogEditing" | "timer">,
): Promise<Result<StoredCatalog, Refusal<"store_unavailable">>> {
  const response = await fromStore("the catalog object", context.catalogEditing.read(), context);
  if (!response.ok) return response;
  const catalog = response.value;
  if (!catalog.ok) return catalog;
  const { assets, faults } = catalog.value;
  return ok({ assets, faults });
}

/** Maximum size of an asset definition in bytes; it may list a hundred hosts and a hundred sites. */
export const maxAssetBody = 32_768;

export interface PutAssetRequest {
  readonly id: string;
  /** JSON. */
  readonly body: string;
  /** Whether it may replace an existing asset with this id. */
  readonly replace: boolean;
}

export interface PutAssetResult {
  readonly asset: unknown;
  readonly was: CatalogChange["was"];
  /** Errors in other assets of the catalog, which were there before. */
  readonly faults?: readonly string[];
}

/**
 * `PUT /operator/assets/:id`: adds an asset, or replaces the one with this id unless the query has `replace=false`. The
 * workers use it within two minutes. Its `id` can be omitted. `asset_invalid` has every error, for example a secret that the
 * deployment does not bind to the asset's host and use, or a root that it does not have. A refused request changes nothing.
 */
export async function putAsset(
  { id, body, replace }: PutAssetRequest,
  context: Pick<OperatorContext, "catalogEditing" | "originSecrets" | "roots" | "timer">,
): Promise<Result<PutAssetResult, Refusal<"body_invalid" | "asset_invalid" | "store_unavailable">>> {
  const document = readUniqueJson(body);
  if (!document.ok) return document;
  const asset = withId(document.value, id);
  const faults = deploymentFaults(asset, context);
  if (faults.length > 0)
    return refuse({ code: "asset_invalid", reason: "the deployment does not have the asset's secret or root", faults });
  const edit = context.catalogEditing.put(id, asset, replace);
  const response = await fromStore("the catalog object", edit, context);
  if (!response.ok) return response;
  const change = response.value;
  if (!change.ok) return change;
  const { was, faults: otherFaults, asset: stored } = change.value;
  return ok({ asset: stored, was, ...(otherFaults.length > 0 && { faults: otherFaults }) });
}

/** An asset without an id has that of the path. */
function withId(asset: unknown, id: string): unknown {
  return isObject(asset) && asset.id === undefined ? { id, ...asset } : asset;
}

/** Empty for an invalid asset: the catalog reports its errors. */
function deploymentFaults(
  asset: unknown,
  { originSecrets, roots }: Pick<OperatorContext, "originSecrets" | "roots">,
): readonly string[] {
  const { data } = assetSchema.safeParse(asset);
  if (data === undefined) return [];
  return [...secretFaults([data], originSecrets), ...rootFaults([data], roots)].map(describeFault);
}

/**
 * `DELETE /operator/assets/:id`. Running sessions of the asset are refused with `asset_unknown` when the workers have
 * read the catalog again, within two minutes; to end them at once, revoke the asset. `asset_invalid`: another asset of
 * the catalog is invalid.
 */
export async function removeAsset(
  id: string,
  context: Pick<OperatorContext, "catalogEditing" | "timer">,
): Promise<Result<undefined, EditRefusal>> {
  const response = await fromStore("the catalog object", context.catalogEditing.remove(id), context);
  if (!response.ok) return response;
  const removal = response.value;
  return removal.ok ? ok(undefined) : removal;
}
