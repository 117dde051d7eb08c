import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Refusal } from "../../src/base/refusal.ts";
import type { Result } from "../../src/base/result.ts";
import type { CatalogChange } from "../../src/catalog/catalog-editing.ts";
import { type CatalogEdit, editCatalog } from "../../src/catalog/edit-catalog.ts";
import { readText, reasonOf, shortName } from "./files.ts";
import { endFailed } from "./outcome.ts";

/** In milliseconds: how long another command may hold the file. */
const patience = 5_000;

/**
 * Makes a change in a catalog's file, which the first asset makes where there is none. The new text is written beside the file
 * and put in its place in one step; the file beside it is also the lock that keeps a second command from writing over what the
 * first one changed. A file that the change would make faulty is left as it is.
 */
export async function changeCatalogFile(name: string, edit: CatalogEdit): Promise<Result<CatalogChange, Refusal>> {
  const file = existsSync(name) ? realpathSync(name) : name;
  const beside = `${file}.new`;
  const handle = await lock(beside, name);
  let placed = false;
  try {
    const before = existsSync(file) ? readText(file, "the catalog") : undefined;
    const edited = editCatalog(before, edit);
    if (!edited.ok) return edited;
    const { text, change } = edited.value;
    if (text !== before) {
      writeSync(handle, text);
      fsyncSync(handle);
      renameSync(beside, file);
      placed = true;
    }
    return { ok: true, value: change };
  } finally {
    closeSync(handle);
    if (!placed) rmSync(beside, { force: true });
  }
}

async function lock(beside: string, name: string): Promise<number> {
  const mode = existsSync(name) ? statSync(name).mode & 0o777 : 0o644;
  const until = Date.now() + patience;
  for (;;) {
    try {
      return openSync(beside, "wx", mode);
    } catch (error) {
      const taken = error instanceof Error && "code" in error && error.code === "EEXIST";
      if (!taken) endFailed(`${shortName(name)} cannot be written: ${reasonOf(error)}.`);
      if (Date.now() >= until)
        endFailed(
          `Another command is writing ${shortName(name)}. If none is running, delete ${shortName(beside)} and try again.`,
        );
    }
    await sleep(50);
  }
}
