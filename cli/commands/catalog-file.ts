import type { Refusal } from "../../src/base/refusal.ts";
import { ok, type Result } from "../../src/base/result.ts";
import type { CatalogChange } from "../../src/catalog/catalog-editing.ts";
import { type CatalogEdit, editCatalog } from "../../src/catalog/edit-catalog.ts";
import { type Rewritten, rewriteFile } from "./rewrite-file.ts";

/**
 * Makes a change in a catalog's file, which the first asset makes where there is none, as {@link rewriteFile} does. A file
 * that the change would make faulty is left as it is.
 */
export function changeCatalogFile(name: string, edit: CatalogEdit): Promise<Result<CatalogChange, Refusal>> {
  return rewriteFile(name, "open", async (before): Promise<Rewritten<Result<CatalogChange, Refusal>>> => {
    const edited = editCatalog(before, edit);
    if (!edited.ok) return { text: undefined, result: edited };
    const { text, change } = edited.value;
    return { text: text === before ? undefined : text, result: ok(change) };
  });
}
