import { changeCatalog, soonEverywhere, type Told } from "./change-catalog.ts";
import type { Command } from "./command.ts";
import { good, type Outcome } from "./outcome.ts";
import { whichCatalogHelp, whichCatalogOptions } from "./which-catalog.ts";

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
