import type { Asset } from "../../../src/catalog/asset.ts";
import { parseCatalog } from "../../../src/catalog/catalog.ts";
import type { CatalogFault } from "../../../src/catalog/catalog-fault.ts";

/** The asset that the catalog makes of this document: by default `film` in the R2 binding MEDIA. */
export function sampleAsset(fields: Readonly<Record<string, unknown>> = {}): Asset {
  const catalog = parseCatalog({ version: 1, assets: [sampleDocument(fields)] });
  const asset = catalog.ok ? catalog.value.assets()[0] : undefined;
  if (asset === undefined) throw new Error("the sample is not a valid asset");
  return asset;
}

export function sampleDocument(fields: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return {
    id: "film",
    origin: { type: "r2", binding: "MEDIA", prefix: "film/" },
    entry: "index.m3u8",
    ...fields,
  };
}

export const httpOriginOf = (fields: Readonly<Record<string, unknown>> = {}) => ({
  type: "http",
  url: "https://origin.example/films/42/",
  ...fields,
});

export const r2 = (prefix: string, binding = "MEDIA") => ({ type: "r2", binding, prefix });
export const cloudfront = { keyPairId: "K2JCJMDEHXQW5F" };

export function faultsOf(...assets: readonly unknown[]): readonly CatalogFault[] {
  const parsed = parseCatalog({ version: 1, assets });
  return parsed.ok ? [] : parsed.refusal;
}

/** Each fault as `name asset field`. */
export function briefly(...assets: readonly unknown[]): readonly string[] {
  return faultsOf(...assets).map(({ name, asset, field }) => `${name} ${asset} ${field}`);
}
