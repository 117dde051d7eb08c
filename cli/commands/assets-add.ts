import { assetHelp, assetOptions, readAsset } from "./asset-options.ts";
import { changeCatalog, soonEverywhere, type Told } from "./change-catalog.ts";
import type { Command } from "./command.ts";
import { good, type Outcome } from "./outcome.ts";
import { whichCatalogHelp, whichCatalogOptions } from "./which-catalog.ts";

export const assetsAddCommand: Command = {
  name: "assets add",
  summary: "add something that can be played, live or in a file",
  operands: ["<id>"],
  options: { ...whichCatalogOptions, ...assetOptions, replace: { type: "boolean" } },
  help: `Adds an asset to the catalog of a deployment, without a deploy, or to a file. Every fault of it is named, and a faulty
one changes nothing.

${assetHelp}
  --replace                  takes the place of the asset of this id: sessions that run go over to its files

${whichCatalogHelp("operator:assets", "a catalog in a file instead, which nobody reads until it is put where the workers do")}`,
  run: async (given) => {
    const [id = ""] = given.operands;
    const asset = readAsset(id, given);
    const edit = { does: "put", id, asset, replace: given.on("replace") } as const;
    return changeCatalog(given, edit, (told) => outcome(id, asset, told));
  },
};

function outcome(id: string, asset: object, { change: { was, faults }, live, where }: Told): Outcome {
  const json = { asset, was, live, faults };
  const left =
    faults.length === 0 ? undefined : [`${where} has other faults still, and no worker takes it:`, ...faults];
  const note = left?.join("\n  ");
  if (was === "unchanged") return good(`${id} stands like this in ${where} already.`, json, note);
  if (!live)
    return good(
      `${id} was ${was} in ${where}.
Next: put it where the workers read it:
  npx wrangler kv key put --binding CATALOG catalog --path ${where} --remote`,
      json,
      note,
    );
  return good(
    `${id} was ${was} at ${where}. ${soonEverywhere}
Next: \`npx stagedoor doctor\` looks whether its origin is reachable, and closed to all but the workers.`,
    json,
    note,
  );
}
