/** The part of a KVNamespace that is used here. */
export interface TextStore {
  get(key: string, options: { readonly type: "text"; readonly cacheTtl: number }): Promise<string | null>;
}

/**
 * How the catalog is loaded from KV: the JSON text under the key `catalog`. KV keeps it near the reader for `cacheTtl`
 * seconds (60 is the least that every plan takes), so a change is seen everywhere within about two minutes.
 */
export function kvCatalog(store: TextStore, cacheTtl = 60): () => Promise<string | undefined> {
  return async () => (await store.get("catalog", { type: "text", cacheTtl })) ?? undefined;
}
