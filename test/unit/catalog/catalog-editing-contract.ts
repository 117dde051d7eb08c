import { describe, expect, it } from "vitest";
import type { CatalogEditing } from "../../../src/catalog/edit-catalog.ts";
import { r2, sampleDocument } from "./sample.ts";

const film = (id: string, more: object = {}) => sampleDocument({ id, origin: r2(`${id}/`), ...more });
const textOf = (...assets: readonly unknown[]) => JSON.stringify({ version: 1, assets }, null, 2);

/** A catalog that a test edits, and the text that workers would read. `write` acts as wrangler. */
export interface EditedStore {
  readonly editing: CatalogEditing;
  readonly text: () => Promise<string | undefined>;
  readonly write: (text: string) => Promise<void>;
  /** Stops the editor and starts another on the same store. */
  readonly restart: () => Promise<void>;
}

const idsIn = (text: string | undefined) =>
  Object(JSON.parse(text ?? "{}")).assets?.map(({ id }: { id: string }) => id);

/** The contract of the port, for every implementation. `open` returns an empty store of its own. */
export function catalogEditingContract(name: string, open: () => Promise<EditedStore>): void {
  describe(`a catalog editor (${name})`, () => {
    it("starts empty and creates a catalog from the first asset", async () => {
      const { editing, text } = await open();
      expect(await editing.read()).toEqual({ ok: true, value: { assets: [], faults: [] } });
      const added = await editing.put("one", film("one"));
      expect(added).toEqual({ ok: true, value: { asset: film("one"), was: "added", faults: [] } });
      expect(await editing.read()).toEqual({ ok: true, value: { assets: [film("one")], faults: [] } });
      expect(idsIn(await text())).toEqual(["one"]);
    });

    it("adds, replaces, keeps and removes assets, and reports which it did", async () => {
      const { editing, text } = await open();
      const was = async (edit: ReturnType<CatalogEditing["put" | "remove"]>) => {
        const result = await edit;
        return result.ok ? result.value.was : result.refusal.code;
      };
      expect([
        await was(editing.put("one", film("one"))),
        await was(editing.put("one", film("one"))),
        await was(editing.put("one", film("one", { title: "One" }), false)),
        await was(editing.put("one", film("one", { title: "One" }))),
        await was(editing.put("two", film("two"), false)),
        await was(editing.remove("one")),
        await was(editing.remove("one")),
      ]).toEqual(["added", "unchanged", "asset_invalid", "replaced", "added", "removed", "asset_unknown"]);
      expect(idsIn(await text())).toEqual(["two"]);
    });

    it("replaces members of an asset and leaves the others", async () => {
      const { editing } = await open();
      await editing.put("one", film("one", { title: "One" }));
      const enforcement = { mode: "observe", until: "2027-01-01T00:00:00Z" };
      expect(await editing.set("one", { enforcement })).toMatchObject({ ok: true, value: { was: "replaced" } });
      const whole = film("one", { title: "One", enforcement });
      expect(await editing.read()).toEqual({ ok: true, value: { assets: [whole], faults: [] } });
      const unknown = await editing.set("one", { enforcement: { mode: "watch" } });
      expect(unknown).toMatchObject({ ok: false, refusal: { code: "asset_invalid" } });
      expect(await editing.set("two", {})).toMatchObject({ ok: false, refusal: { code: "asset_unknown" } });
    });

    it("refuses a faulty asset with every fault, and writes nothing", async () => {
      const { editing, text } = await open();
      await editing.put("one", film("one"));
      const before = await text();
      const refused = await editing.put("two", { ...film("two"), entry: "../x", session: 1 });
      expect(refused).toMatchObject({ ok: false, refusal: { code: "asset_invalid" } });
      const faults = !refused.ok && refused.refusal.code === "asset_invalid" ? refused.refusal.faults : [];
      expect(faults.map((fault) => fault.split(": ")[0])).toEqual(["path_not_canonical", "schema"]);
      expect(await text()).toBe(before);
    });

    it("shows the faults of a catalog that another writer broke", async () => {
      const { editing, write } = await open();
      await write(textOf(film("one"), film("two", { session: 1 })));
      const faults = [{ name: "schema", asset: "two", field: "session", advice: "Use at least 60." }];
      expect(await editing.read()).toMatchObject({ value: { assets: [film("one")], faults } });
      await write("{");
      expect(await editing.read()).toMatchObject({ value: { assets: [], faults: [{ name: "not_json" }] } });
    });

    it("applies concurrent changes in their order and loses none", async () => {
      const { editing, text } = await open();
      const ids = Array.from({ length: 20 }, (_, i) => `film-${i}`);
      const results = await Promise.all([
        ...ids.map((id) => editing.put(id, film(id))),
        editing.put("bad", {}),
        editing.remove("film-7"),
      ]);
      expect(results.map((result) => (result.ok ? result.value.was : result.refusal.code))).toEqual([
        ...ids.map(() => "added"),
        "asset_invalid",
        "removed",
      ]);
      expect(idsIn(await text())).toEqual(ids.filter((id) => id !== "film-7"));
    });

    it("keeps the changes of another writer", async () => {
      const { editing, text, write } = await open();
      await editing.put("one", film("one"));
      await write(textOf(film("theirs"), film("one", { title: "Theirs" })));
      await editing.put("two", film("two"));
      expect(idsIn(await text())).toEqual(["theirs", "one", "two"]);
      expect(await text()).toContain("Theirs");
    });
  });
}

/** In addition, the contract for a store that may show an older text for a minute, as KV does. */
export function staleStoreContract(name: string, open: () => Promise<EditedStore>): void {
  describe(`a catalog editor of a store that may show an older text (${name})`, () => {
    it("continues from its own text if the store still shows an older one, also after a restart", async () => {
      const { editing, text, write, restart } = await open();
      await write(textOf(film("zero")));
      const before = await text();
      await editing.put("one", film("one"));
      const between = await text();
      await editing.put("two", film("two"));
      // KV can show the older text for a minute.
      await write(before ?? "");
      await restart();
      expect(await editing.read()).toMatchObject({ value: { assets: [{ id: "zero" }, { id: "one" }, { id: "two" }] } });
      await write(between ?? "");
      await editing.put("three", film("three"));
      expect(idsIn(await text())).toEqual(["zero", "one", "two", "three"]);
    });

    it("keeps a catalog that is longer than one storage value can be", async () => {
      const { editing, text, write, restart } = await open();
      const films = Array.from({ length: 600 }, (_, i) =>
        film(`film-${i}`, { allowedHosts: Array.from({ length: 90 }, (_, n) => `host-${n}-of-film-${i}.example`) }),
      );
      await write(textOf(...films));
      const before = await text();
      expect(before?.length).toBeGreaterThan(2_000_000);
      await editing.put("one", film("one", { title: "Größe ✓" }));
      await restart();
      await write(before ?? "");
      await editing.put("two", film("two"));
      expect(idsIn(await text()).slice(-2)).toEqual(["one", "two"]);
      expect(await text()).toContain("Größe ✓");
    });
  });
}
