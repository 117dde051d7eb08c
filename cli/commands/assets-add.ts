import { assetSchema } from "../../src/catalog/asset.ts";
import { deploymentAt } from "../doctor/deployment-at.ts";
import { bucketNote, lookAtIt } from "./after-adding.ts";
import { assetHelp, assetOptions, readAsset } from "./asset-options.ts";
import { changeCatalog, soonEverywhere, type Told } from "./change-catalog.ts";
import type { Command, Given } from "./command.ts";
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
    return changeCatalog(given, edit, (told) => outcome(asset, given, told));
  },
};

async function outcome(asset: object, given: Given, { change: { was, faults }, live, where }: Told): Promise<Outcome> {
  const [id = ""] = given.operands;
  const json = { asset, was, live, faults };
  const read = assetSchema.safeParse(asset);
  const deployment = live ? await deploymentAt(where) : undefined;
  const bucket = read.success ? bucketNote(read.data, deployment) : undefined;
  const left =
    faults.length === 0 ? undefined : [`${where} has other faults still, and no worker takes it:`, ...faults];
  const note = [bucket, left?.join("\n  ")].filter((text) => text !== undefined).join("\n") || undefined;
  if (was === "unchanged") return good(`${id} stands like this in ${where} already.`, json, note);
  if (!live)
    return good(
      `${id} was ${was} in ${where}.
Next: put it where the workers read it:
  npx wrangler kv key put --binding CATALOG catalog --path ${where} --remote --env production`,
      json,
      note,
    );
  const next = read.success ? `\n${lookAtIt(read.data, where, given, deployment)}` : "";
  return good(`${id} was ${was} at ${where}. ${soonEverywhere}${next}`, json, note);
}
