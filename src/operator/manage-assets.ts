import { hasDuplicateMembers, readJson } from "../base/body-text.ts";
import { ok, type Refusal, type Result, refusal, refuse } from "../base/result.ts";
import { assetSchema } from "../catalog/asset.ts";
import { describeFault } from "../catalog/catalog-fault.ts";
import type { CatalogChange, StoredCatalog } from "../catalog/edit-catalog.ts";
import { type OriginSecrets, secretFaults } from "../catalog/origin-secrets.ts";
import { fromStore } from "../sessions/session-context.ts";
import type { OperatorContext } from "./operator-context.ts";

/**
 * `GET /operator/assets`, for operators with the scope operator:read: the catalog as it is stored now, which the workers may
 * not know yet. Secrets stand in it by the names of their bindings alone. `store_unavailable`.
 */
export async function listAssets(
  context: Pick<OperatorContext, "catalogEditing" | "timer">,
): Promise<Result<StoredCatalog, Refusal>> {
  const asked = await fromStore("the catalog's object", context.catalogEditing.read(), context);
  if (!asked.ok) return asked;
  const read = asked.value;
  if (!read.ok) return read;
  const { assets, faults } = read.value;
  return ok({ assets, faults });
}

/** Maximum size of an asset definition in bytes: it may name a hundred hosts, and a hundred sites. */
export const longestAsset = 32_768;

export interface AssetPut {
  readonly id: string;
  /** JSON. */
  readonly body: string;
  /** Whether it may take the place of an asset of its id. */
  readonly replace: boolean;
}

export interface PutAsset {
  readonly asset: unknown;
  readonly was: CatalogChange["was"];
  /** What is wrong with other assets of a catalog that was faulty before, and has to be mended too. */
  readonly faults?: readonly string[];
}

/**
 * `PUT /operator/assets/:id`, for operators with the scope operator:assets: an asset as the catalog has it, in the place of
 * the one of its id, unless the query says `replace=false`. The workers know of it within two minutes. `body_invalid`;
 * `asset_invalid` with every fault, a secret that the deployment does not bind to the asset's host and use among them;
 * `store_unavailable`. Where it is refused, nothing was changed.
 */
export async function putAsset(
  { id, body, replace }: AssetPut,
  context: Pick<OperatorContext, "catalogEditing" | "originSecrets" | "timer">,
): Promise<Result<PutAsset, Refusal>> {
  const asset = readJson(body);
  if (!asset.ok) return asset;
  const unbound = faultsOfSecrets(asset.value, context.originSecrets);
  if (unbound.length > 0)
    return refuse({
      code: "asset_invalid",
      reason: "the asset's secret is not bound to its host and use",
      faults: unbound,
    });
  if (hasDuplicateMembers(body)) return refusal("body_invalid", "the body names a member twice");
  const asked = await fromStore("the catalog's object", context.catalogEditing.put(id, asset.value, replace), context);
  if (!asked.ok) return asked;
  const put = asked.value;
  if (!put.ok) return put;
  const { was, faults, asset: stored } = put.value;
  return ok({ asset: stored, was, ...(faults.length > 0 && { faults }) });
}

/** None for an asset that is not sound: what is wrong with that is for the catalog to say. */
function faultsOfSecrets(asset: unknown, secrets: OriginSecrets): readonly string[] {
  const read = assetSchema.safeParse(asset);
  return read.success ? secretFaults([read.data], secrets).map(describeFault) : [];
}

/**
 * `DELETE /operator/assets/:id`, for operators with the scope operator:assets. Its sessions are refused with `asset_unknown`
 * once the workers have read the catalog again, within two minutes; a revocation of the asset ends them at once.
 * `asset_unknown`; `asset_invalid` where another asset of the catalog is faulty; `store_unavailable`.
 */
export async function removeAsset(
  id: string,
  context: Pick<OperatorContext, "catalogEditing" | "timer">,
): Promise<Result<undefined, Refusal>> {
  const asked = await fromStore("the catalog's object", context.catalogEditing.remove(id), context);
  if (!asked.ok) return asked;
  const removed = asked.value;
  return removed.ok ? ok(undefined) : removed;
}
