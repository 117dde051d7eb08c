import type { TextHash } from "../../base/hash.ts";
import { systemClock, systemTimer } from "../../base/seconds.ts";
import type { CatalogEditing } from "../../catalog/catalog-editing.ts";
import { type EditingParts, editInTurn } from "../../catalog/edit-in-turn.ts";
import type { EditNotes } from "../../catalog/edit-notes.ts";

/** A catalog in memory, with the text as its workers would read it. */
export interface MemoryCatalog {
  text: string | undefined;
}

/** The editing of a catalog in memory, which ends with its process: for tests. */
export function memoryCatalogEditing(
  catalog: MemoryCatalog,
  sha256: TextHash,
  parts: Partial<Pick<EditingParts, "store" | "clock" | "timer">> = {},
): CatalogEditing {
  let kept: EditNotes | undefined;
  return editInTurn({
    store: {
      load: async () => catalog.text,
      save: async (text) => {
        catalog.text = text;
      },
    },
    notes: {
      read: () => kept,
      write: (notes) => {
        kept = notes;
      },
    },
    clock: systemClock,
    timer: systemTimer,
    sha256,
    ...parts,
  });
}
