import { parseCatalogText } from "../../src/catalog/catalog.ts";
import type { CatalogFault } from "../../src/catalog/fault.ts";
import type { Command, Given } from "./command.ts";
import { catalogFileOf, readText, shortName } from "./files.ts";
import { type Answered, good } from "./outcome.ts";
import { table } from "./table.ts";
import { isLive, readLiveCatalog, whichCatalogHelp, whichCatalogOptions } from "./which-catalog.ts";

export const assetsCheckCommand: Command = {
  name: "assets check",
  summary: "name every fault of a catalog",
  operands: [],
  options: whichCatalogOptions,
  help: `Checks a catalog and names every fault in it at once: the fault's name, where it lies, and what to do.
Ends with 1 where there is any.

${whichCatalogHelp("operator:read", "the catalog in a file instead (fixtures/catalog.json of the project)")}`,
  run: async (given): Promise<Answered> => {
    const { where, count, faults: found } = isLive(given) ? await checkLive(given) : checkFile(given);
    if (found.length === 0)
      return good(`${where} is sound: ${count} asset${count === 1 ? "" : "s"}.`, { assets: count, faults: [] });
    const faults = found.map(({ name, asset, field, advice }) => ({ name, asset, field, advice }));
    const rows = faults.map(({ name, asset = "(catalog)", field, advice }) => [name, asset, field || "-", advice]);
    const note = `${where} has ${faults.length} fault${faults.length === 1 ? "" : "s"}.`;
    return { exit: 1, text: table([["FAULT", "ASSET", "FIELD", "WHAT TO DO"], ...rows]), json: { faults }, note };
  },
};

interface Checked {
  readonly where: string;
  readonly count: number;
  readonly faults: readonly CatalogFault[];
}

async function checkLive(given: Given): Promise<Checked> {
  const { api, assets, faults } = await readLiveCatalog(given);
  return { where: `The catalog of ${api}`, count: assets.length, faults };
}

function checkFile(given: Given): Checked {
  const file = catalogFileOf(given);
  const checked = parseCatalogText(readText(file, "the catalog"));
  const where = shortName(file);
  return checked.ok
    ? { where, count: checked.value.assets().length, faults: [] }
    : { where, count: 0, faults: checked.refusal };
}
