import { ok, type Refusal, type Result } from "../../src/base/result.ts";
import { type CatalogChange, type CatalogEdit, editCatalog } from "../../src/catalog/edit-catalog.ts";
import { type Args, endMisused, failed, type Outcome } from "../lib/command.ts";
import { ownConfig } from "../lib/deployment-folder.ts";
import { type Rewritten, rewriteFile, shortName } from "../lib/files.ts";
import { callApi, operatorApiOf } from "../lib/operator-api.ts";
import { inDeployment } from "../lib/project.ts";
import { isLive } from "../lib/which-catalog.ts";

/** A change that was made. */
export interface CatalogResult {
  readonly change: Pick<CatalogChange, "was" | "faults">;
  /** Whether it was made in a deployment's catalog, not in a file. */
  readonly live: boolean;
  /** The API's URL, or the name of the file. */
  readonly where: string;
}

/** Changes the catalog of --api or --catalog. The outcome is that of `report`, or all errors of the changed catalog. */
export async function changeCatalog(
  args: Args,
  edit: Exclude<CatalogEdit, { readonly does: "set" }>,
  report: (result: CatalogResult) => Outcome | Promise<Outcome>,
): Promise<Outcome> {
  if (!isLive(args)) return changeFile(args, edit, report);
  const api = await operatorApiOf(args, "operator:assets");
  const path = `/operator/assets/${encodeURIComponent(edit.id)}`;
  const response =
    edit.does === "put"
      ? await callApi(api, "PUT", edit.replace ? path : `${path}?replace=false`, Object(edit.asset))
      : await callApi(api, "DELETE", path);
  const { body } = response;
  const faults = stringsIn(body.faults);
  if (!response.ok) return faults.length > 0 ? notChanged(api.api, faults, body) : failed(response.message, body);
  return report({ change: { was: changeIn(body), faults }, live: true, where: api.api });
}

/** {@link changeCatalog} for the file of --catalog. */
export async function changeFile(
  args: Args,
  edit: CatalogEdit,
  report: (result: CatalogResult) => Outcome | Promise<Outcome>,
): Promise<Outcome> {
  const file =
    args.value("catalog") ??
    endMisused(
      "Name a catalog: --api https://api.example.com --bearer operator.jwt changes a deployment, --catalog catalog.json a file.",
    );
  const changed = await changeCatalogFile(file, edit);
  const where = shortName(file);
  if (changed.ok) return report({ change: changed.value, live: false, where });
  const { refusal } = changed;
  if (refusal.code === "asset_invalid") return notChanged(where, refusal.faults, refusal);
  const advice = `\`npx stagedoor assets list --catalog ${where}\` lists its assets.`;
  return failed(`${where} has no asset ${edit.id}: ${advice}`, { code: refusal.code });
}

/** When a change of a deployment's catalog takes effect. */
export function propagationNote(): string {
  return ownConfig()?.host.type === "node"
    ? "It is in effect within 30 seconds, when the service reads the catalog again."
    : "It is in effect everywhere within two minutes: KV propagates it within a minute, and each worker reads it every 30 seconds.";
}

function notChanged(where: string, faults: readonly string[], json: object): Outcome {
  const hint = faults.some((fault) => fault.startsWith("id_duplicate"))
    ? "\n--replace replaces the asset with this id."
    : "";
  return failed([`Nothing was changed in ${where}:`, ...faults].join("\n  ") + hint, { ...json });
}

function changeIn({ was }: Readonly<Record<string, unknown>>): CatalogChange["was"] {
  return was === "added" || was === "replaced" || was === "unchanged" ? was : "removed";
}

function stringsIn(list: unknown): readonly string[] {
  return Array.isArray(list) ? list.filter((text) => typeof text === "string") : [];
}

/**
 * Changes a catalog file with {@link rewriteFile}; the first asset creates the file. The file stays as it is if the change would
 * make it invalid.
 */
function changeCatalogFile(file: string, edit: CatalogEdit): Promise<Result<CatalogChange, Refusal>> {
  return rewriteFile(file, "open", async (before): Promise<Rewritten<Result<CatalogChange, Refusal>>> => {
    const edited = editCatalog(before, edit);
    if (!edited.ok) return { text: undefined, result: edited };
    const { text, change } = edited.value;
    return { text: text === before ? undefined : text, result: ok(change) };
  });
}

/** The command that uploads a catalog file. In a deployment's folder wrangler has no configuration of its own. */
export function catalogUpload(file: string): string {
  const config = inDeployment ? " -c .stagedoor/api/wrangler.json" : "";
  return `npx wrangler kv key put --binding CATALOG catalog --path ${file} --remote --env production${config}`;
}
