import type { Asset } from "../../src/catalog/asset.ts";
import { originIdentity } from "../../src/catalog/asset-origin.ts";
import type { Command } from "./command.ts";
import { readCatalog } from "./files.ts";
import { good } from "./outcome.ts";
import { table } from "./table.ts";
import { isLive, readLiveCatalog, whichCatalogHelp, whichCatalogOptions } from "./which-catalog.ts";

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
