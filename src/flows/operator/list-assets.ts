import type { Refusal } from "../../base/refusal.ts";
import { ok, type Result } from "../../base/result.ts";
import type { StoredCatalog } from "../../catalog/catalog-editing.ts";
import { fromStore } from "../session/store-failure.ts";
import type { OperatorContext } from "./context.ts";

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
