import * as z from "zod";
import { type Asset, assetSchema } from "../../src/catalog/asset.ts";
import { type CatalogFault, catalogFaultSchema } from "../../src/catalog/catalog-fault.ts";
import { endFailed, endMisused, type Given } from "./command.ts";
import { catalogOption } from "./files.ts";
import { askApi, type OperatorApi, operatorApiOf, operatorApiOptions } from "./operator-api.ts";

/** The options that say which catalog is meant. */
export const whichCatalogOptions = { ...operatorApiOptions, ...catalogOption } as const;

export function whichCatalogHelp(scope: string, file: string): string {
  return `  --api <url>                the API of a deployment, with its base path, or that of npm start: http://localhost:8787
  --bearer <file>            an operator's credential with the scope ${scope}, which npx stagedoor operator new makes;
                             - reads it from standard input. The local API takes one of the ring's own operator key
  --ring <file>              the key ring with that key
  --catalog <file>           ${file}`;
}

/** Whether the command line means a deployment's catalog. A file as well is misuse: only one of them goes live. */
export function isLive(given: Given): boolean {
  if (given.one("api") === undefined) return false;
  if (given.one("catalog") !== undefined) endMisused("Give one of --api and --catalog: the first one is live.");
  return true;
}

/** A deployment's catalog as it is stored now. */
export interface LiveCatalog {
  /** The API that it was read from. */
  readonly api: string;
  readonly assets: readonly Asset[];
  readonly faults: readonly CatalogFault[];
}

/** What `GET /operator/assets` answers with. */
export const catalogAnswerSchema = z.object({
  assets: z.array(assetSchema),
  faults: z.array(catalogFaultSchema),
});

/** Reads a deployment's catalog through its API. */
export async function readLiveCatalog(given: Given): Promise<LiveCatalog> {
  return liveCatalogOf(await operatorApiOf(given, "operator:read"));
}

/** The same of an API whose credential has been read. */
export async function liveCatalogOf(api: OperatorApi): Promise<LiveCatalog> {
  const asked = await askApi(api, "GET", "/operator/assets");
  if (!asked.ok) return endFailed(asked.message);
  const read = catalogAnswerSchema.safeParse(asked.answer);
  return read.success
    ? { api: api.api, ...read.data }
    : endFailed(`${api.api} answers with something else than a catalog: is it of the version of this command?`);
}
