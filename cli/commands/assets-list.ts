import type { Asset } from "../../src/catalog/asset.ts";
import { originIdentity } from "../../src/catalog/asset-origin.ts";
import type { Command } from "./command.ts";
import { catalogOption, readCatalog } from "./files.ts";
import { good } from "./outcome.ts";
import { table } from "./table.ts";

export const assetsListCommand: Command = {
  name: "assets list",
  summary: "list what can be played",
  operands: [],
  options: catalogOption,
  help: `Lists the assets of a catalog.

  --catalog <file>  the catalog (fixtures/catalog.json of the project)`,
  run: async (given) => {
    const assets = readCatalog(given).assets();
    const text = table([["ID", "CDN", "ENTRY", "ORIGIN", "SESSION", "SCOPE", "TITLE"], ...assets.map(row)]);
    return good(assets.length === 0 ? "The catalog is empty." : text, { assets });
  },
};

function row({ id, title, cdn, cloudfront, entry, origin, session, scope }: Asset): readonly string[] {
  const served = cloudfront === undefined ? cdn : `${cdn} (${cloudfront.policy})`;
  return [id, served, entry, originIdentity(origin), session === undefined ? "-" : `${session} s`, scope, title ?? ""];
}
