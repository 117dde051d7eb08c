import * as z from "zod";
import { type Asset, assetSchema } from "../../src/catalog/asset.ts";
import { type CatalogFault, catalogFaultSchema } from "../../src/catalog/catalog-fault.ts";
import { type Args, endMisused } from "./command.ts";
import { catalogOption } from "./files.ts";
import { type OperatorApi, operatorApiOf, operatorApiOptions, readFromApi } from "./operator-api.ts";

/** The options that choose a catalog: that of a deployment, or a file. */
export const whichCatalogOptions = { ...operatorApiOptions, ...catalogOption } as const;

export function whichCatalogHelp(scope: string, file: string): string {
  return `  --api <url>                the API of a deployment, with its base path; npm start: http://localhost:8787
  --bearer <file>            an operator's credential with the scope ${scope} (npx stagedoor operator new);
                             - reads it from standard input. For a local API the ring's own operator key signs one
  --ring <file>              the key ring with that key (.stagedoor/keys.json of the project)
  --catalog <file>           ${file}`;
}

/** Whether the command is about the catalog of a deployment and not about a file. */
export function isLive(args: Args): boolean {
  if (args.value("api") === undefined) return false;
  if (args.value("catalog") !== undefined)
    endMisused("Give only one of --api (the deployed catalog) and --catalog (a file).");
  return true;
}

/** The stored catalog of a deployment. */
export interface LiveCatalog {
  /** The API that it was read from. */
  readonly api: string;
  readonly assets: readonly Asset[];
  readonly faults: readonly CatalogFault[];
}

/** The response of `GET /operator/assets`. */
export const catalogResponseSchema = z.object({
  assets: z.array(assetSchema),
  faults: z.array(catalogFaultSchema),
});

/** Reads a deployment's catalog through its API. */
export async function readLiveCatalog(args: Args): Promise<LiveCatalog> {
  return liveCatalogOf(await operatorApiOf(args, "operator:read"));
}

/** {@link readLiveCatalog} for an API whose credential has been read. */
export async function liveCatalogOf(api: OperatorApi): Promise<LiveCatalog> {
  const catalog = await readFromApi(api, "/operator/assets", catalogResponseSchema);
  return { api: api.api, ...catalog };
}
