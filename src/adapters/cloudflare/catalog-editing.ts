import * as z from "zod";
import type { CatalogEditing } from "../../catalog/catalog-editing.ts";
import { catalogFaultSchema } from "../../catalog/fault.ts";

/** The part of a `DurableObjectNamespace<CatalogObject>` that is used here. */
export interface CatalogObjects<Id> {
  idFromName(name: string): Id;
  get(id: Id): {
    read(): Promise<unknown>;
    put(id: string, asset: string, replace: boolean): Promise<unknown>;
    remove(id: string): Promise<unknown>;
  };
}

const refusedSchema = z.object({
  ok: z.literal(false),
  refusal: z.discriminatedUnion("code", [
    z.object({ code: z.literal("asset_invalid"), reason: z.string(), faults: z.array(z.string()) }),
    z.object({ code: z.enum(["asset_unknown", "store_unavailable"]), reason: z.string() }),
  ]),
});
const answerOf = <Value>(value: z.ZodType<Value>) =>
  z.discriminatedUnion("ok", [refusedSchema, z.object({ ok: z.literal(true), value })]);

const storedSchema = answerOf(z.object({ assets: z.array(z.unknown()), faults: z.array(catalogFaultSchema) }));
const changeSchema = answerOf(
  z.object({
    asset: z.unknown(),
    was: z.enum(["added", "replaced", "removed", "unchanged"]),
    faults: z.array(z.string()),
  }),
);

/**
 * The catalog as one CatalogObject edits it, which `name` names: there is one for all. It rejects where the object does not
 * answer, or with something else.
 */
export function catalogEditing<Id>(objects: CatalogObjects<Id>, name = "catalog"): CatalogEditing {
  // A stub that has failed once may go on failing.
  const object = () => objects.get(objects.idFromName(name));
  return {
    read: async () => storedSchema.parse(await object().read()),
    put: async (id, asset, replace = true) =>
      changeSchema.parse(await object().put(id, JSON.stringify(asset), replace)),
    remove: async (id) => changeSchema.parse(await object().remove(id)),
  };
}
