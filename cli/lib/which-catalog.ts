import * as z from "zod";
import { type Asset, assetSchema } from "../../src/catalog/asset.ts";
import { type Catalog, parseCatalog } from "../../src/catalog/catalog.ts";
import { type CatalogFault, catalogFaultSchema, describeFault } from "../../src/catalog/catalog-fault.ts";
import { type Args, endFailed, endMisused } from "./command.ts";
import { catalogOption, readCatalog, shortName } from "./files.ts";
import { localApi, type OperatorApi, operatorApiOf, operatorApiOptions, readFromApi } from "./operator-api.ts";
import { defaultCatalog, startProgram } from "./project.ts";

/** The options that choose a catalog: that of a deployment, or a file. */
export const whichCatalogOptions = { ...operatorApiOptions, ...catalogOption } as const;

export function whichCatalogHelp(scope: string, file: string): string {
  return `  --api <url>                the API of a deployment, with its base path; ${startProgram}: http://localhost:8787
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

/** The catalog of --api or --catalog, or that of the fixtures. An invalid one ends the command with all its errors. */
export async function readWhichCatalog(args: Args): Promise<Catalog> {
  if (!isLive(args)) return readCatalog(args);
  const { api, assets, faults } = await readLiveCatalog(args);
  const catalog = parseCatalog({ version: 1, assets });
  const errors = catalog.ok ? faults : catalog.refusal;
  if (catalog.ok && errors.length === 0) return catalog.value;
  return endFailed([`The catalog of ${api} is invalid:`, ...errors.map(describeFault)].join("\n  "));
}

/** Says which catalog does not have an asset, if the command chose it: assets that were added live are not in a file. */
export function defaultCatalogNote(args: Args): string | undefined {
  if (args.value("api") !== undefined || args.value("catalog") !== undefined) return undefined;
  return `The asset was looked up in ${shortName(defaultCatalog)}. For one that was added to a running service, give --api, such as --api ${localApi}.`;
}

/** {@link readLiveCatalog} for an API whose credential has been read. */
export async function liveCatalogOf(api: OperatorApi): Promise<LiveCatalog> {
  const catalog = await readFromApi(api, "/operator/assets", catalogResponseSchema);
  return { api: api.api, ...catalog };
}
