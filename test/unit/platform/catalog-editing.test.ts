import { describe } from "vitest";
import { type CatalogEditorNamespace, catalogEditing } from "../../../src/platform/cloudflare/object-clients.ts";
import { nodeSha256 } from "../../../src/platform/node/node-crypto.ts";
import { type MemoryCatalog, memoryCatalogEditing } from "../../support/memory-stores.ts";
import { catalogEditingContract, staleStoreContract } from "../catalog/catalog-editing-contract.ts";
import { runtimeBindings } from "./runtime-bindings.ts";

for (const contract of [catalogEditingContract, staleStoreContract])
  contract("memory", async () => {
    const catalog: MemoryCatalog = { text: undefined };
    return {
      editing: memoryCatalogEditing(catalog, nodeSha256),
      text: async () => catalog.text,
      write: async (text) => {
        catalog.text = text;
      },
      restart: async () => undefined,
    };
  });

/** The part of a KVNamespace that this test uses. */
interface Store {
  get(key: string): Promise<string | null>;
  put(key: string, text: string): Promise<void>;
  delete(key: string): Promise<void>;
}

interface ObjectTools {
  evictDurableObject(stub: unknown): Promise<void>;
}

const bindings = (await runtimeBindings()) ?? {};
const objects: unknown = Reflect.get(bindings, "CATALOG_EDITOR");
const store: unknown = Reflect.get(bindings, "EDITED_CATALOG");

describe.skipIf(!isNamespace(objects))("in workerd, which has Durable Objects and KV,", async () => {
  if (!isNamespace(objects) || !isStore(store)) return;
  const tools = await objectTools();
  for (const contract of [catalogEditingContract, staleStoreContract])
    contract("durable-object", async () => {
      const name = crypto.randomUUID();
      await store.delete("catalog");
      return {
        editing: catalogEditing(objects, name),
        text: async () => (await store.get("catalog")) ?? undefined,
        write: (text) => store.put("catalog", text),
        restart: () => tools.evictDurableObject(objects.get(objects.idFromName(name))),
      };
    });
});

async function objectTools(): Promise<ObjectTools> {
  // The name is in a variable so that bundlers do not resolve it, as in runtime-bindings.ts.
  const name = "cloudflare:test";
  const value: unknown = await import(/* @vite-ignore */ name);
  if (!isTools(value)) throw new Error("the test runner has no tools for Durable Objects");
  return value;
}

function isTools(value: unknown): value is ObjectTools {
  return hasMethod(value, "evictDurableObject");
}

function isNamespace(value: unknown): value is CatalogEditorNamespace<unknown> {
  return hasMethod(value, "idFromName");
}

function isStore(value: unknown): value is Store {
  return hasMethod(value, "put");
}

function hasMethod(value: unknown, name: string): boolean {
  return typeof value === "object" && value !== null && typeof Reflect.get(value, name) === "function";
}
