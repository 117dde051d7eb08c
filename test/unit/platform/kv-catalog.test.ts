import { describe, expect, it } from "vitest";
import { systemClock } from "../../../src/base/time.ts";
import { keepCatalog } from "../../../src/catalog/catalog-source.ts";
import { kvCatalog, type TextStore } from "../../../src/platform/cloudflare/object-clients.ts";
import { sampleDocument } from "../catalog/sample.ts";
import { runtimeBindings } from "./runtime-bindings.ts";

const text = JSON.stringify({ version: 1, assets: [sampleDocument()] });

describe("the catalog in KV", () => {
  it("is the text under the key catalog", async () => {
    const store: TextStore = { get: async (key) => (key === "catalog" ? text : null) };
    expect(await kvCatalog(store)()).toBe(text);
  });

  it("is missing if there is no such key", async () => {
    expect(await kvCatalog({ get: async () => null })()).toBeUndefined();
  });
});

const bindings = await runtimeBindings();
const store = bindings === undefined ? undefined : Reflect.get(bindings, "CATALOG");

describe.skipIf(!isFillable(store))("the catalog in the KV of workerd", () => {
  it("can be loaded once it was written", async () => {
    if (!isFillable(store)) throw new Error("no store");
    await store.put("catalog", text);
    const catalog = await keepCatalog({ load: kvCatalog(store), clock: systemClock })();
    expect(catalog.ok && catalog.value.assets().map(({ id }) => id)).toEqual(["film"]);
  });
});

interface FillableStore extends TextStore {
  put(key: string, value: string): Promise<void>;
}

function isFillable(value: unknown): value is FillableStore {
  return typeof value === "object" && value !== null && typeof Reflect.get(value, "put") === "function";
}
