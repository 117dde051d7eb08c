import type { Refusal } from "../../base/refusal.ts";
import { ok, type Result } from "../../base/result.ts";
import { fromStore } from "../session/store-failure.ts";
import type { OperatorContext } from "./context.ts";

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
