import { CatalogEditor } from "../src/platform/cloudflare/catalog-object.ts";

/** The real object on a catalog of its own: other tests write the one of the usual binding meanwhile. */
export class EditedCatalogEditor extends CatalogEditor {
  constructor(state: DurableObjectState, env: { readonly EDITED_CATALOG: KVNamespace }) {
    super(state, { CATALOG: env.EDITED_CATALOG });
  }
}
