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
  help: `Lists the assets of a catalog. CONDITIONS names what an asset asks of a viewer beside his credential: countries,
origins, a window of availability; --json shows them in full.

  --catalog <file>  the catalog (fixtures/catalog.json of the project)`,
  run: async (given) => {
    const assets = readCatalog(given).assets();
    const text = table([
      ["ID", "CDN", "ENTRY", "ORIGIN", "SESSION", "SCOPE", "CONDITIONS", "TITLE"],
      ...assets.map(row),
    ]);
    return good(assets.length === 0 ? "The catalog is empty." : text, { assets });
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
