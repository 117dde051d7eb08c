import { describe } from "vitest";
import { type CatalogEditorNamespace, catalogEditing } from "../../../src/platform/cloudflare/object-clients.ts";
import { nodeSha256 } from "../../../src/platform/node/node-crypto.ts";
import { type MemoryCatalog, memoryCatalogEditing } from "../../support/memory-stores.ts";
import { catalogEditingContract } from "../catalog/catalog-editing-contract.ts";
import { runtimeBindings } from "./runtime-bindings.ts";

catalogEditingContract("memory", async () => {
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

/** The part of a KVNamespace that is used here. */
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

describe.skipIf(!isNamespace(objects))("in workerd alone: it has Durable Objects and KV", async () => {
  if (!isNamespace(objects) || !isStore(store)) return;
  const tools = await objectTools();
  catalogEditingContract("durable-object", async () => {
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
  // By a name that no bundler looks into, as in runtime-bindings.ts.
  const name = "cloudflare:test";
  const found: unknown = await import(/* @vite-ignore */ name);
  if (!isTools(found)) throw new Error("the test runner has no tools for Durable Objects");
  return found;
}

function isTools(found: unknown): found is ObjectTools {
  return hasMethod(found, "evictDurableObject");
}

function isNamespace(found: unknown): found is CatalogEditorNamespace<unknown> {
  return hasMethod(found, "idFromName");
}

function isStore(found: unknown): found is Store {
  return hasMethod(found, "put");
}

function hasMethod(found: unknown, name: string): boolean {
  return typeof found === "object" && found !== null && typeof Reflect.get(found, name) === "function";
}
