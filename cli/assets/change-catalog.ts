import { ok, type Refusal, type Result } from "../../src/base/result.ts";
import { type CatalogChange, type CatalogEdit, editCatalog } from "../../src/catalog/edit-catalog.ts";
import { endMisused, failed, type Given, type Outcome } from "../lib/command.ts";
import { type Rewritten, rewriteFile, shortName } from "../lib/files.ts";
import { askApi, operatorApiOf } from "../lib/operator-api.ts";
import { isLive } from "../lib/which-catalog.ts";

/** What is to be told of a change that was made. */
export interface Told {
  readonly change: Pick<CatalogChange, "was" | "faults">;
  /** Whether it was made in a deployment's catalog. */
  readonly live: boolean;
  /** The catalog, by a name for people. */
  readonly where: string;
}

/** Makes a change in the catalog that is meant, and tells of it, or of every fault. */
export async function changeCatalog(
  given: Given,
  edit: CatalogEdit,
  tell: (told: Told) => Outcome | Promise<Outcome>,
): Promise<Outcome> {
  if (!isLive(given)) return changeFile(given, edit, tell);
  const api = await operatorApiOf(given, "operator:assets");
  const path = `/operator/assets/${encodeURIComponent(edit.id)}`;
  const asked =
    edit.does === "put"
      ? await askApi(api, "PUT", edit.replace ? path : `${path}?replace=false`, Object(edit.asset))
      : await askApi(api, "DELETE", path);
  const faults = textsIn(asked.answer.faults);
  if (!asked.ok)
    return faults.length > 0 ? notChanged(api.api, faults, asked.answer) : failed(asked.message, asked.answer);
  return tell({ change: { was: wasIn(asked.answer), faults }, live: true, where: api.api });
}

async function changeFile(
  given: Given,
  edit: CatalogEdit,
  tell: (told: Told) => Outcome | Promise<Outcome>,
): Promise<Outcome> {
  const file =
    given.one("catalog") ??
    endMisused(
      "Name a catalog: --api https://api.example.com --bearer operator.jwt changes a running deployment, --catalog catalog.json a file.",
    );
  const changed = await changeCatalogFile(file, edit);
  const where = shortName(file);
  if (changed.ok) return tell({ change: changed.value, live: false, where });
  const { refusal } = changed;
  if (refusal.code === "asset_invalid") return notChanged(where, refusal.faults, refusal);
  const advice = `\`npx stagedoor assets list --catalog ${where}\` lists them.`;
  return failed(`${where} has no asset ${edit.id}: ${advice}`, { code: refusal.code });
}

/** When a change of a deployment's catalog takes effect. */
export const soonEverywhere =
  "It is in effect everywhere within two minutes: KV propagates it within a minute, and each worker reads it every 30 seconds.";

function notChanged(where: string, faults: readonly string[], json: object): Outcome {
  const hint = faults.some((fault) => fault.startsWith("id_duplicate"))
    ? "\n--replace replaces the asset of this id."
    : "";
  return failed([`Nothing was changed in ${where}:`, ...faults].join("\n  ") + hint, { ...json });
}

function wasIn({ was }: Readonly<Record<string, unknown>>): CatalogChange["was"] {
  return was === "added" || was === "replaced" || was === "unchanged" ? was : "removed";
}

function textsIn(list: unknown): readonly string[] {
  return Array.isArray(list) ? list.filter((text) => typeof text === "string") : [];
}

/**
 * Makes a change in a catalog's file, which the first asset makes where there is none, as {@link rewriteFile} does. A file
 * that the change would make faulty is left as it is.
 */
function changeCatalogFile(name: string, edit: CatalogEdit): Promise<Result<CatalogChange, Refusal>> {
  return rewriteFile(name, "open", async (before): Promise<Rewritten<Result<CatalogChange, Refusal>>> => {
    const edited = editCatalog(before, edit);
    if (!edited.ok) return { text: undefined, result: edited };
    const { text, change } = edited.value;
    return { text: text === before ? undefined : text, result: ok(change) };
  });
}
