import { describe, expect, it } from "vitest";
import * as z from "zod";
import { catalogDocumentSchema } from "../../../src/catalog/asset.ts";
import { type Catalog, parseCatalog, parseCatalogText } from "../../../src/catalog/catalog.ts";
import { describeFault } from "../../../src/catalog/catalog-fault.ts";
import { briefly, cloudfront, faultsOf, httpOriginOf, r2, sampleDocument } from "./sample.ts";

function catalogOf(...assets: readonly unknown[]): Catalog {
  const parsed = parseCatalog({ version: 1, assets });
  if (!parsed.ok) throw new Error(parsed.refusal.map(describeFault).join("\n"));
  return parsed.value;
}

const folder = (path: string, root = "films") => ({ type: "file", root, path });

describe("a catalog", () => {
  it("finds an asset by its id and by the first segment of a path", () => {
    const catalog = catalogOf(sampleDocument(), sampleDocument({ id: "film-2", origin: r2("film-2/") }));
    expect(catalog.assets().map(({ id }) => id)).toEqual(["film", "film-2"]);
    expect(catalog.asset("film-2")?.id).toBe("film-2");
    expect(catalog.assetOfPath("/film/360p/0.ts")?.id).toBe("film");
    expect(catalog.assetOfPath("/film-2/0.ts")?.id).toBe("film-2");
  });

  it.each(["/film", "/films", "/fil/0.ts", "/film-/0.ts", "film/0.ts", "//film/0.ts", "/", "", "/constructor/x"])(
    "finds no asset for %j",
    (path) => {
      expect(catalogOf(sampleDocument()).assetOfPath(path)).toBeUndefined();
    },
  );

  it.each([[null], [[]], ["text"], [{}], [{ version: 2, assets: [] }], [{ version: 1 }], [{ version: 1, assets: {} }]])(
    "is refused as a whole if it is %j",
    (document) => {
      const parsed = parseCatalog(document);
      expect(parsed.ok ? [] : parsed.refusal.map(({ name, asset }) => [name, asset])).toContainEqual([
        "schema",
        undefined,
      ]);
    },
  );

  it("is refused as not_json if its text is not JSON", () => {
    const parsed = parseCatalogText('{"version": 1,');
    expect(parsed.ok ? [] : parsed.refusal.map(({ name }) => name)).toEqual(["not_json"]);
  });

  it("reports all faults of all assets at once", () => {
    expect(
      briefly(
        { id: "a", origin: r2("x"), entry: "../e", session: 1, cdn: "cloudfront-signed", extra: true },
        { id: "b", origin: r2("shared/"), entry: 5, cloudfront },
        { id: "b", origin: r2("shared/b/") },
        "no object",
      ).toSorted(),
    ).toEqual(
      [
        "cloudfront_missing a cloudfront",
        "cloudfront_unused b cloudfront",
        "id_duplicate b id",
        "path_not_canonical a entry",
        "prefix_overlap b origin.prefix",
        "prefix_unbounded a origin.prefix",
        "schema a ",
        "schema a session",
        "schema assets[3] ",
        "schema b entry",
        "schema b entry",
      ].toSorted(),
    );
  });

  it.each([
    ["the same prefix", r2("film/"), r2("film/")],
    ["a prefix within the other", r2("film/"), r2("film/bonus/")],
    ["a prefix around the other", r2("film/bonus/"), r2("film/")],
    ["the same URL", httpOriginOf(), httpOriginOf()],
    ["a folder within the other", folder("42/"), folder("42/bonus/")],
    ["a URL within the other", httpOriginOf(), httpOriginOf({ url: "https://origin.example/films/42/bonus/" })],
    [
      "the same URL with other credentials",
      httpOriginOf(),
      httpOriginOf({ auth: { type: "header", name: "X-A", secret: "S" } }),
    ],
  ])("refuses two assets that share files: %s", (_, first, second) => {
    const faults = briefly(sampleDocument({ origin: first }), sampleDocument({ id: "other", origin: second }));
    expect(faults).toHaveLength(1);
    expect(faults[0]).toContain("prefix_overlap");
  });

  it("reports every asset whose files are within another's", () => {
    const assets = ["a/", "a/b/", "a/b/c/", "a-/", "b/"].map((prefix, i) =>
      sampleDocument({ id: `film-${i}`, origin: r2(prefix) }),
    );
    expect(briefly(...assets)).toEqual(["prefix_overlap film-1 origin.prefix", "prefix_overlap film-2 origin.prefix"]);
  });

  it.each([
    ["prefixes that begin alike", r2("film/"), r2("film-2/")],
    ["the same prefix in two buckets", r2("film/"), r2("film/", "OTHER")],
    ["the same folder in two roots", folder("film/"), folder("film/", "archive")],
    ["a folder named like a prefix", folder("film/"), r2("film/")],
    [
      "hosts that begin alike",
      httpOriginOf({ url: "https://a.example/" }),
      httpOriginOf({ url: "https://a.example.org/" }),
    ],
  ])("accepts %s", (_, first, second) => {
    expect(briefly(sampleDocument({ origin: first }), sampleDocument({ id: "other", origin: second }))).toEqual([]);
  });

  it("quotes no value of the document in its advice, because a value may be a misplaced secret", () => {
    const secret = "s3cr3t-value";
    const auth = { type: "header", name: "X-A", secret };
    const sigv4 = { type: "sigv4", region: secret.toUpperCase(), accessKeyId: secret, secretAccessKey: secret };
    const texts = faultsOf(
      sampleDocument({ origin: httpOriginOf({ auth }), scope: `${secret} x`, cdn: secret, session: secret }),
      sampleDocument({ id: "b", origin: httpOriginOf({ url: `https://u:${secret}@o.example/x/`, auth: sigv4 }) }),
    ).map(describeFault);
    expect(texts.length).toBeGreaterThan(5);
    for (const text of texts) expect(text.toLowerCase()).not.toContain(secret);
  });

  it("gives its advice in full sentences", () => {
    for (const { advice } of faultsOf(
      sampleDocument({ extra: 1, session: 1, entry: 4, cdn: "x", origin: { type: "ftp" }, title: "" }),
      sampleDocument({ id: "b", cdn: "cloudfront-signed", allowedHosts: ["A"], origin: r2("x") }),
    ))
      expect(advice).toMatch(/^[A-Z].*\.$/);
  });

  it("has a JSON Schema that describes every field", () => {
    const schema = z.toJSONSchema(catalogDocumentSchema, { io: "input" });
    const bare: string[] = [];
    const visit = (node: unknown, name: string): void => {
      if (typeof node !== "object" || node === null) return;
      for (const [key, value] of Object.entries(node)) {
        if (key !== "properties") visit(value, `${name}.${key}`);
        else
          for (const [field, of] of Object.entries(Object(value))) {
            if (typeof of === "object" && of !== null && !("description" in of)) bare.push(`${name}.${field}`);
            visit(of, `${name}.${field}`);
          }
      }
    };
    visit(schema, "");
    expect(bare).toEqual([]);
  });
});
