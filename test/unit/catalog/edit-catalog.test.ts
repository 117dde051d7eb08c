import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type CatalogEdit, editCatalog, storedCatalog } from "../../../src/catalog/edit-catalog.ts";
import { r2, sampleDocument } from "./sample.ts";

const film = (id: string, more: object = {}) => sampleDocument({ id, origin: r2(`${id}/`), ...more });
const put = (id: string, asset: unknown = film(id), replace = true): CatalogEdit => ({
  does: "put",
  id,
  asset,
  replace,
});
const remove = (id: string): CatalogEdit => ({ does: "remove", id });
const textOf = (...assets: readonly unknown[]) => `${JSON.stringify({ version: 1, assets }, null, 2)}\n`;

function edited(text: string | undefined, edit: CatalogEdit) {
  const result = editCatalog(text, edit);
  if (!result.ok) throw new Error(JSON.stringify(result.refusal));
  return result.value;
}

function faultsOf(text: string | undefined, edit: CatalogEdit): readonly string[] {
  const result = editCatalog(text, edit);
  return !result.ok && result.refusal.code === "asset_invalid" ? result.refusal.faults : [];
}

const idsIn = (text: string) => Object(JSON.parse(text)).assets.map(({ id }: { id: string }) => id);

/** Written by hand: one asset on one line, another on several, and a blank line between them. */
const byHand = `{ "version": 1,
    "assets": [
      { "id": "one",  "entry": "index.m3u8", "origin": { "type": "r2", "binding": "MEDIA", "prefix": "one/" } },

      {
        "id": "two", "title": "A \\"]}, title",
        "origin": { "type": "r2", "binding": "MEDIA", "prefix": "two/" },
        "entry": "index.m3u8"
      }
    ] }`;

describe("an asset that is put", () => {
  it("is appended to the others, whose bytes and order do not change", () => {
    const { text, change } = edited(byHand, put("three"));
    expect(change).toEqual({ asset: film("three"), was: "added", faults: [] });
    const end = byHand.lastIndexOf("}\n    ]") + 1;
    expect(text.slice(0, end)).toBe(byHand.slice(0, end));
    expect(text.slice(end)).toMatch(/^,\n {6}\{\n {8}"id": "three",\n(?:.|\n)*\n {6}\}\n {4}\] \}$/);
    expect(idsIn(text)).toEqual(["one", "two", "three"]);
  });

  it("replaces the one with its id and nothing else", () => {
    const { text, change } = edited(byHand, put("one", film("one", { title: "New" })));
    expect([change.was, idsIn(text)]).toEqual(["replaced", ["one", "two"]]);
    expect(text.slice(text.indexOf("},\n\n"))).toBe(byHand.slice(byHand.indexOf("},\n\n")));
    expect(JSON.parse(text).assets[0]).toEqual(film("one", { title: "New" }));
  });

  it("changes nothing if it is already there, whatever the order of its members", () => {
    const { origin, ...rest } = film("one");
    expect(edited(byHand, put("one", { origin, ...rest }))).toMatchObject({
      text: byHand,
      change: { was: "unchanged" },
    });
  });

  it("creates a catalog if there is none", () => {
    const { text } = edited(undefined, put("one"));
    expect(text).toBe(textOf(film("one")));
  });

  it("is added to an empty catalog and to one on a single line", () => {
    expect(edited(textOf(), put("one")).text).toBe(textOf(film("one")));
    const flat = JSON.stringify({ version: 1, assets: [] });
    const once = edited(flat, put("one")).text;
    expect(once).toBe(JSON.stringify({ version: 1, assets: [film("one")] }));
    expect(JSON.parse(edited(once, put("two")).text).assets).toEqual([film("one"), film("two")]);
  });

  it("is refused with every fault at once, including those across assets", () => {
    const faults = faultsOf(textOf(film("one")), put("two", { ...film("two"), entry: "../x", origin: r2("one/two/") }));
    expect(faults.map((fault) => fault.split(": ").slice(0, 3).join(" "))).toEqual([
      "path_not_canonical two entry",
      "prefix_overlap two origin.prefix",
    ]);
  });

  it.each([
    ["has an id other than the one in its path", film("other"), "schema: one: id: "],
    ["has no id", { ...film("one"), id: undefined }, "schema: one: id: "],
    ["is a list", [], "schema: one: id: "],
    ["is null", null, "schema: one: id: "],
    ["has an unknown member", film("one", { secrets: 1 }), 'schema: one: Correct the spelling of "secrets"'],
    ["has a member __proto__", JSON.parse('{"__proto__":{"id":"one"}}'), "schema: one: id: "],
  ])("is refused if it %s", (_, asset, start) => {
    expect(faultsOf(textOf(), put("one", asset)).some((fault) => fault.startsWith(start))).toBe(true);
  });

  it("does not replace another one if replacing is off", () => {
    const [fault = ""] = faultsOf(byHand, put("one", film("one", { title: "New" }), false));
    expect(fault).toMatch(/^id_duplicate: one: id: /);
    expect(edited(byHand, put("one", film("one"), false)).change.was).toBe("unchanged");
    expect(edited(byHand, put("three", film("three"), false)).change.was).toBe("added");
  });

  it("is never quoted in a fault, because it may contain a misplaced secret", () => {
    const auth = { type: "header", name: "X-Secret", secret: "MARKED-hunter2" };
    const origin = { type: "http", url: "https://marked:MARKED@origin.example/", auth };
    expect(faultsOf(undefined, put("one", { ...film("one"), origin })).join()).not.toMatch(/MARKED/i);
  });
});

describe("an asset that is removed", () => {
  it.each([
    ["one", ["two", "three"]],
    ["two", ["one", "three"]],
    ["three", ["one", "two"]],
  ])("leaves the others: %s", (id, left) => {
    const { text, change } = edited(edited(byHand, put("three")).text, remove(id));
    expect([change.was, idsIn(text)]).toEqual(["removed", left]);
  });

  it("leaves the text as it was before the asset was added, to the byte", () => {
    expect(edited(edited(byHand, put("three")).text, remove("three")).text).toBe(byHand);
  });

  it("can be the last one", () => {
    expect(edited(textOf(film("one")), remove("one")).text).toBe(textOf());
  });

  it("is unknown if no asset has its id", () => {
    expect(editCatalog(byHand, remove("ONE"))).toMatchObject({ refusal: { code: "asset_unknown" } });
    expect(editCatalog(undefined, remove("one"))).toMatchObject({ refusal: { code: "asset_unknown" } });
  });
});

describe("a catalog that is faulty already", () => {
  const broken = textOf(film("one", { entry: "/" }), film("two", { session: 1 }));

  it("accepts a change that fixes it in part, and names the remaining faults", () => {
    const { change, text } = edited(broken, put("one"));
    expect(change).toMatchObject({ was: "replaced", faults: [expect.stringMatching(/^schema: two: session/)] });
    expect(edited(text, remove("two")).change.faults).toEqual([]);
  });

  it("refuses a change that fixes nothing", () => {
    expect(faultsOf(broken, put("three"))).toHaveLength(2);
    expect(faultsOf(textOf(film("one"), film("two", { session: 1 })), remove("one"))).toHaveLength(1);
  });

  it("is fixed by putting the asset whose id is duplicated", () => {
    const { text, change } = edited(textOf(film("one"), film("two"), film("one")), put("one"));
    expect([idsIn(text), change.was]).toEqual([["one", "two"], "replaced"]);
  });

  it.each(["{", "[]", "null", '{"version":1}', '{"version":1,"assets":{}}'])(
    "is refused with its faults if it is %s",
    (text) => {
      expect(faultsOf(text, put("one"))).not.toEqual([]);
      expect(faultsOf(text, remove("one"))).not.toEqual([]);
    },
  );
});

describe("storedCatalog", () => {
  it("shows valid assets as they are stored, and every fault", () => {
    const auth = { type: "header", name: "X-Secret", secret: "MARKED-hunter2" };
    const origin = { type: "http", url: "https://origin.example/", auth };
    const shown = storedCatalog(textOf(film("one"), film("two", { origin })));
    expect(shown.assets).toEqual([film("one")]);
    expect(shown.faults).toMatchObject([{ name: "schema", asset: "two", field: "origin.auth.secret" }]);
    expect(JSON.stringify(shown)).not.toContain("MARKED");
  });

  it("shows a secret by the name of its variable", () => {
    const auth = { type: "header", name: "X-Secret", secret: "ORIGIN_SECRET" };
    const asset = film("one", { origin: { type: "http", url: "https://origin.example/", auth } });
    expect(storedCatalog(textOf(asset))).toEqual({ assets: [asset], faults: [] });
  });

  it("is empty if there is no catalog", () => {
    expect(storedCatalog(undefined)).toEqual({ assets: [], faults: [] });
  });
});

describe("many changes in a row", () => {
  it("give the same result as on a list, whatever the formatting of the text", () => {
    const ids = fc.constantFrom("a", "b", "c", "d");
    const blank = fc.constantFrom("", " ", "\n", "\n\t", "\r\n  ");
    const title = fc.string({ minLength: 1, maxLength: 20 }).filter((text) => text.length <= 200);
    const edits = fc.array(fc.record({ id: ids, removes: fc.boolean(), title }), { maxLength: 12 });
    fc.assert(
      fc.property(edits, blank, blank, (list, before, after) => {
        let text = `{"assets"${before}:${after}[${before}]${after},"version"${after}:${before}1}`;
        const model = new Map<string, unknown>();
        for (const { id, removes, title } of list) {
          const asset = film(id, { title });
          const result = editCatalog(text, removes ? remove(id) : put(id, asset));
          if (removes && !model.has(id)) expect(result.ok).toBe(false);
          else if (removes) model.delete(id);
          else model.set(id, asset);
          if (result.ok) text = result.value.text;
          expect(JSON.parse(text)).toEqual({ version: 1, assets: [...model.values()] });
        }
      }),
      { numRuns: 200 },
    );
  });
});
