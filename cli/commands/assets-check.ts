import { parseCatalogText } from "../../src/catalog/catalog.ts";
import type { Command } from "./command.ts";
import { catalogFileOf, catalogOption, readText, shortName } from "./files.ts";
import { type Answered, good } from "./outcome.ts";
import { table } from "./table.ts";

export const assetsCheckCommand: Command = {
  name: "assets check",
  summary: "name every fault of a catalog",
  operands: [],
  options: catalogOption,
  help: `Checks a catalog and names every fault in it at once: the fault's name, where it lies, and what to do.
Ends with 1 where there is any.

  --catalog <file>  the catalog (fixtures/catalog.json of the project)`,
  run: async (given): Promise<Answered> => {
    const file = catalogFileOf(given);
    const checked = parseCatalogText(readText(file, "the catalog"));
    if (checked.ok) {
      const count = checked.value.assets().length;
      return good(`${shortName(file)} is sound: ${count} asset${count === 1 ? "" : "s"}.`, {
        assets: count,
        faults: [],
      });
    }
    const faults = checked.refusal.map(({ name, asset, field, advice }) => ({ name, asset, field, advice }));
    const rows = faults.map(({ name, asset = "(catalog)", field, advice }) => [name, asset, field || "-", advice]);
    const note = `${shortName(file)} has ${faults.length} fault${faults.length === 1 ? "" : "s"}.`;
    return { exit: 1, text: table([["FAULT", "ASSET", "FIELD", "WHAT TO DO"], ...rows]), json: { faults }, note };
  },
};
