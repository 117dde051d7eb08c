import type { Asset } from "../../src/catalog/asset.ts";
import { originIdentity } from "../../src/catalog/asset-origin.ts";
import { type Command, type Outcome, succeeded } from "../lib/command.ts";
import { readCatalog } from "../lib/files.ts";
import { defaultCatalogName } from "../lib/project.ts";
import { table } from "../lib/text.ts";
import { isLive, readLiveCatalog, whichCatalogHelp, whichCatalogOptions } from "../lib/which-catalog.ts";
import { type CatalogResult, catalogUpload, changeCatalog, propagationNote } from "./change-catalog.ts";

export const assetsListCommand: Command = {
  name: "assets list",
  summary: "list the assets of a catalog",
  operands: [],
  options: whichCatalogOptions,
  help: `Lists the assets of a catalog file, or of a deployment's stored catalog, which its workers load within two minutes.
CONDITIONS names the conditions of an asset: countries, places, origins, players, a time window, enforcement. --json prints the whole document in the
form that --catalog reads: npx stagedoor assets list --api … --json > catalog.json saves a copy.

${whichCatalogHelp("operator:read", `the catalog in a file instead (${defaultCatalogName})`)}`,
  run: async (args) => {
    const live = isLive(args) ? await readLiveCatalog(args) : undefined;
    const assets = live?.assets ?? readCatalog(args).assets();
    const text = table([
      ["ID", "CDN", "ENTRY", "ORIGIN", "SESSION", "SCOPE", "CONDITIONS", "TITLE"],
      ...assets.map(row),
    ]);
    return succeeded(
      assets.length === 0 ? "The catalog is empty." : text,
      { version: 1, assets },
      live === undefined || live.faults.length === 0
        ? undefined
        : `The catalog has errors, so no worker accepts it: \`npx stagedoor assets check --api ${live.api}\` lists them.`,
    );
  },
};

function row(asset: Asset): readonly string[] {
  const { id, title, cdn, cloudfront, entry, origin, session, scope } = asset;
  const cdnText = cloudfront === undefined ? cdn : `${cdn} (${cloudfront.policy})`;
  const sessionText = session === undefined ? "-" : `${session} s`;
  return [id, cdnText, entry, originIdentity(origin), sessionText, scope, conditionsOf(asset), title ?? ""];
}

function conditionsOf(asset: Asset): string {
  const names = (["countries", "places", "origins", "players", "available", "enforcement"] as const).filter(
    (name) => asset[name] !== undefined,
  );
  return names.join(", ") || "-";
}

export const assetsRemoveCommand: Command = {
  name: "assets remove",
  summary: "remove an asset from a deployment or a catalog file",
  operands: ["<id>"],
  options: whichCatalogOptions,
  help: `Removes an asset from the catalog of a deployment (no deploy needed) or from a catalog file. Its sessions are refused
(asset_unknown) once the workers have read the catalog again. npx stagedoor revoke --asset <id> ends them within two
seconds. Do not reuse its id for another asset: a grant issued for the id opens any asset with that id.

${whichCatalogHelp("operator:assets", "a catalog file instead; it has no effect until you upload it")}`,
  run: async (args) => {
    const [id = ""] = args.operands;
    return changeCatalog(args, { does: "remove", id }, (result) => outcome(id, result));
  },
};

function outcome(id: string, { change: { faults }, live, where }: CatalogResult): Outcome {
  const json = { removed: id, live, faults };
  if (!live)
    return succeeded(
      `${id} was removed from ${where}.
Next: upload the file to the KV namespace that the workers read:
  ${catalogUpload(where)}`,
      json,
    );
  return succeeded(
    `${id} was removed at ${where}. ${propagationNote()}
Its running sessions are refused from then on. To end them now:
  npx stagedoor revoke --asset ${id} --api ${where} --bearer <file>`,
    json,
  );
}
