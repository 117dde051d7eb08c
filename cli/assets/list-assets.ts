import type { Asset } from "../../src/catalog/asset.ts";
import { originIdentity } from "../../src/catalog/asset-origin.ts";
import { type Command, good, type Outcome } from "../lib/command.ts";
import { readCatalog } from "../lib/files.ts";
import { table } from "../lib/text.ts";
import { isLive, readLiveCatalog, whichCatalogHelp, whichCatalogOptions } from "../lib/which-catalog.ts";
import { changeCatalog, soonEverywhere, type Told } from "./change-catalog.ts";

export const assetsListCommand: Command = {
  name: "assets list",
  summary: "list what can be played",
  operands: [],
  options: whichCatalogOptions,
  help: `Lists the assets of a catalog: of a file, or of a deployment as it is stored now, which its workers know within two
minutes. CONDITIONS names what an asset asks of a viewer beside his credential: countries, origins, a window of
availability; --json shows them in full, as the whole document that --catalog takes: npx stagedoor assets list --api … --json
> catalog.json is a copy of what is live.

${whichCatalogHelp("operator:read", "the catalog in a file instead (fixtures/catalog.json of the project)")}`,
  run: async (given) => {
    const live = isLive(given) ? await readLiveCatalog(given) : undefined;
    const assets = live?.assets ?? readCatalog(given).assets();
    const text = table([
      ["ID", "CDN", "ENTRY", "ORIGIN", "SESSION", "SCOPE", "CONDITIONS", "TITLE"],
      ...assets.map(row),
    ]);
    return good(
      assets.length === 0 ? "The catalog is empty." : text,
      { version: 1, assets },
      live === undefined || live.faults.length === 0
        ? undefined
        : `It is faulty, and no worker takes it: \`npx stagedoor assets check --api ${live.api}\` names what to do.`,
    );
  },
};

function row(asset: Asset): readonly string[] {
  const { id, title, cdn, cloudfront, entry, origin, session, scope } = asset;
  const served = cloudfront === undefined ? cdn : `${cdn} (${cloudfront.policy})`;
  const lasts = session === undefined ? "-" : `${session} s`;
  return [id, served, entry, originIdentity(origin), lasts, scope, conditionsOf(asset), title ?? ""];
}

function conditionsOf(asset: Asset): string {
  const names = (["countries", "origins", "available"] as const).filter((name) => asset[name] !== undefined);
  return names.join(", ") || "-";
}

export const assetsRemoveCommand: Command = {
  name: "assets remove",
  summary: "take an asset out of the catalog, live or in a file",
  operands: ["<id>"],
  options: whichCatalogOptions,
  help: `Takes an asset out of the catalog of a deployment, without a deploy, or out of a file. Its sessions are refused
(asset_unknown) once the workers have read the catalog again. npx stagedoor revoke --asset <id> ends them within two
seconds. Its id ought to be no other asset's: a grant that was given out for it opens what is put under its id.

${whichCatalogHelp("operator:assets", "a catalog in a file instead, which nobody reads until it is put where the workers do")}`,
  run: async (given) => {
    const [id = ""] = given.operands;
    return changeCatalog(given, { does: "remove", id }, (told) => outcome(id, told));
  },
};

function outcome(id: string, { change: { faults }, live, where }: Told): Outcome {
  const json = { removed: id, live, faults };
  if (!live)
    return good(
      `${id} was removed from ${where}.
Next: put it where the workers read it:
  npx wrangler kv key put --binding CATALOG catalog --path ${where} --remote --env production`,
      json,
    );
  return good(
    `${id} was removed at ${where}. ${soonEverywhere}
Sessions of it that run are refused from then on. To end them now:
  npx stagedoor revoke --asset ${id} --api ${where} --bearer <file>`,
    json,
  );
}
