import { CatalogEditor } from "../src/platform/cloudflare/catalog-object.ts";

/** The real object with a catalog of its own, since other tests write to the usual binding. */
export class EditedCatalogEditor extends CatalogEditor {
  constructor(state: DurableObjectState, env: { readonly EDITED_CATALOG: KVNamespace }) {
    super(state, { CATALOG: env.EDITED_CATALOG });
  }
}
