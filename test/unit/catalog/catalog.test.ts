import { describe, expect, it } from "vitest";
import { z } from "zod";
import { catalogDocumentSchema } from "../../../src/catalog/asset.ts";
import { type Catalog, parseCatalog, parseCatalogText } from "../../../src/catalog/catalog.ts";
import { type CatalogFault, describeFault } from "../../../src/catalog/fault.ts";
import { httpOriginOf, sampleAsset, sampleDocument } from "./sample.ts";

const r2 = (prefix: string, binding = "MEDIA") => ({ type: "r2", binding, prefix });
const cloudfront = { keyPairId: "K2JCJMDEHXQW5F" };

function faultsOf(...assets: readonly unknown[]): readonly CatalogFault[] {
  const parsed = parseCatalog({ version: 1, assets });
  return parsed.ok ? [] : parsed.refusal;
}

/** Each fault as `name asset field`. */
function briefly(...assets: readonly unknown[]): readonly string[] {
  return faultsOf(...assets).map(({ name, asset, field }) => `${name} ${asset} ${field}`);
}

function catalogOf(...assets: readonly unknown[]): Catalog {
  const parsed = parseCatalog({ version: 1, assets });
  if (!parsed.ok) throw new Error(parsed.refusal.map(describeFault).join("\n"));
  return parsed.value;
}

describe("an asset", () => {
  it("needs an id, an origin and an entry, and gets defaults for the rest", () => {
    expect(sampleAsset()).toEqual({
      id: "film",
      origin: { type: "r2", binding: "MEDIA", prefix: "film/" },
      entry: "index.m3u8",
      cdn: "edge",
      allowedHosts: [],
      scope: "stream:play",
      segmentSignature: "shared",
    });
  });

  it("takes everything that the schema describes", () => {
    const auth = { type: "sigv4", region: "eu-central-1", accessKeyId: "S3_ID", secretAccessKey: "S3_SECRET" };
    const asset = sampleAsset({
      title: "A film",
      origin: httpOriginOf({ auth, timeout: 5 }),
      cdn: "cloudfront",
      cloudfront: { ...cloudfront, url: "https://d1.cloudfront.net", policy: "custom", hash: "SHA256" },
      session: 86_400,
      allowedHosts: ["ads.example", "ads.example:8443"],
      scope: "stream:play:premium",
    });
    expect(asset.origin).toEqual({ ...httpOriginOf({ timeout: 5 }), auth: { ...auth, service: "s3" } });
    expect(asset.cloudfront).toEqual({
      keyPairId: "K2JCJMDEHXQW5F",
      url: "https://d1.cloudfront.net",
      policy: "custom",
      hash: "SHA256",
    });
    expect(asset.session).toBe(86_400);
  });

  it("has CloudFront's own defaults", () => {
    const { cloudfront: settings } = sampleAsset({ cdn: "cloudfront", cloudfront });
    expect(settings).toEqual({ keyPairId: "K2JCJMDEHXQW5F", policy: "canned", hash: "SHA1" });
  });

  it.each([
    ["id", { id: "Film" }, "assets[0]"],
    ["id", { id: "a/b" }, "assets[0]"],
    ["id", { id: ".." }, "assets[0]"],
    ["id", { id: "a".repeat(65) }, "assets[0]"],
    ["session", { session: 59 }, "film"],
    ["session", { session: 604_801 }, "film"],
    ["session", { session: "6 h" }, "film"],
    ["session", { session: 60.5 }, "film"],
    ["scope", { scope: "two scopes" }, "film"],
    ["allowedHosts[0]", { allowedHosts: ["Ads.example"] }, "film"],
    ["allowedHosts[0]", { allowedHosts: ["https://ads.example"] }, "film"],
    ["allowedHosts[0]", { allowedHosts: ["ads.example:443"] }, "film"],
    ["allowedHosts[0]", { allowedHosts: ["ads.example/path"] }, "film"],
    ["allowedHosts[0]", { allowedHosts: ["user@ads.example"] }, "film"],
    ["segmentSignature", { segmentSignature: "none" }, "film"],
    ["", { sesion: 3600 }, "film"],
    ["origin.type", { origin: { type: "ftp" } }, "film"],
    ["origin", { origin: { ...r2("film/"), region: "eu" } }, "film"],
    ["origin.binding", { origin: r2("film/", "media") }, "film"],
    ["origin.timeout", { origin: httpOriginOf({ timeout: 600 }) }, "film"],
    ["origin.auth.name", { origin: httpOriginOf({ auth: { type: "header", name: "Range", secret: "S" } }) }, "film"],
    [
      "origin.auth.secret",
      { origin: httpOriginOf({ auth: { type: "header", name: "X-A", secret: "s3cr3t" } }) },
      "film",
    ],
    ["cloudfront.url", { cdn: "cloudfront", cloudfront: { ...cloudfront, url: "https://d1.cloudfront.net/" } }, "film"],
    ["cloudfront.url", { cdn: "cloudfront", cloudfront: { ...cloudfront, url: "http://d1.cloudfront.net" } }, "film"],
    ["cloudfront.url", { cdn: "cloudfront", cloudfront: { ...cloudfront, url: "https://d1.example/a?b" } }, "film"],
  ])("is refused for its %s: %j", (field, fields, asset) => {
    expect(briefly(sampleDocument(fields))).toEqual([`schema ${asset} ${field}`]);
  });

  it.each(["", "/index.m3u8", "../other/index.m3u8", "a/./b.m3u8", "a//b.m3u8", "a b.m3u8", "a%2Fb.m3u8", "dir/"])(
    "is refused for an entry that is no canonical path below its prefix: %j",
    (entry) => {
      expect(briefly(sampleDocument({ entry }))).toEqual(["path_not_canonical film entry"]);
    },
  );

  it.each([
    "http://localhost:9000/media/",
    "http://127.0.0.1/",
    "https://origin.example/",
    "https://o.example:8443/%C3%84/",
  ])("may lie at %s", (url) => {
    expect(briefly(sampleDocument({ origin: httpOriginOf({ url }) }))).toEqual([]);
  });

  it.each([
    "http://origin.example/films/",
    "http://localhost.example/films/",
    "http://127.0.0.1.example/films/",
    "ftp://localhost/films/",
    "https://user@origin.example/films/",
    "https://user:word@origin.example/films/",
    "https://origin.example/films/?a=b/",
    "https://origin.example/films/#/",
    "https://ORIGIN.example/films/",
    "https://origin.example:443/films/",
    "https://origin.example/films/../secret/",
    "https://origin.example/films//42/",
    "https://origin.example/%66ilms/",
    "/films/",
    "",
  ])("may not lie at %j", (url) => {
    expect(briefly(sampleDocument({ origin: httpOriginOf({ url }) }))).toEqual(["origin_url_invalid film origin.url"]);
  });

  it.each(["film", "", "/"])("may not have the prefix %j, which has no boundary", (prefix) => {
    expect(briefly(sampleDocument({ origin: r2(prefix) }))).toEqual(["prefix_unbounded film origin.prefix"]);
  });

  it("may not have a URL without a boundary", () => {
    const origin = httpOriginOf({ url: "https://origin.example/films/4" });
    expect(briefly(sampleDocument({ origin }))).toEqual(["prefix_unbounded film origin.url"]);
  });

  it.each(["/film/", "a/../film/", "a//b/", "a%20b/", "a\\b/", "a;b/"])("may not have the prefix %j", (prefix) => {
    expect(briefly(sampleDocument({ origin: r2(prefix) }))).toEqual(["path_not_canonical film origin.prefix"]);
  });

  it.each([
    ["cloudfront_missing film cloudfront", { cdn: "cloudfront" }],
    ["cloudfront_unused film cloudfront", { cloudfront }],
    ["cloudfront_unused film cloudfront", { cdn: "edge", cloudfront }],
    ["cloudfront_session film segmentSignature", { cdn: "cloudfront", cloudfront, segmentSignature: "session" }],
  ])("is refused where its CDN and the settings do not fit: %s", (fault, fields) => {
    expect(briefly(sampleDocument(fields))).toEqual([fault]);
  });
});

describe("a catalog", () => {
  it("finds an asset by its id, and by the first segment of a path", () => {
    const catalog = catalogOf(sampleDocument(), sampleDocument({ id: "film-2", origin: r2("film-2/") }));
    expect(catalog.assets().map(({ id }) => id)).toEqual(["film", "film-2"]);
    expect(catalog.asset("film-2")?.id).toBe("film-2");
    expect(catalog.assetOfPath("/film/360p/0.ts")?.id).toBe("film");
    expect(catalog.assetOfPath("/film-2/0.ts")?.id).toBe("film-2");
  });

  it.each(["/film", "/fil/0.ts", "/film-/0.ts", "film/0.ts", "//film/0.ts", "/", "", "/constructor/x"])(
    "knows no asset of %j",
    (path) => {
      expect(catalogOf(sampleDocument()).assetOfPath(path)).toBeUndefined();
    },
  );

  it.each([[null], [[]], ["text"], [{}], [{ version: 2, assets: [] }], [{ version: 1 }], [{ version: 1, assets: {} }]])(
    "is refused as a whole where it is %j",
    (document) => {
      const parsed = parseCatalog(document);
      expect(parsed.ok ? [] : parsed.refusal.map(({ name, asset }) => [name, asset])).toContainEqual([
        "schema",
        undefined,
      ]);
    },
  );

  it("names a text that is no JSON", () => {
    const parsed = parseCatalogText('{"version": 1,');
    expect(parsed.ok ? [] : parsed.refusal.map(({ name }) => name)).toEqual(["not_json"]);
  });

  it("names all faults of all assets at once", () => {
    expect(
      briefly(
        { id: "a", origin: r2("x"), entry: "../e", session: 1, cdn: "cloudfront", extra: true },
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
    ["a prefix in the other", r2("film/"), r2("film/bonus/")],
    ["a prefix around the other", r2("film/bonus/"), r2("film/")],
    ["the same URL", httpOriginOf(), httpOriginOf()],
    ["a URL in the other", httpOriginOf(), httpOriginOf({ url: "https://origin.example/films/42/bonus/" })],
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

  it("names every asset that lies in another, also behind the first", () => {
    const assets = ["a/", "a/b/", "a/b/c/", "a-/", "b/"].map((prefix, i) =>
      sampleDocument({ id: `film-${i}`, origin: r2(prefix) }),
    );
    expect(briefly(...assets)).toEqual(["prefix_overlap film-1 origin.prefix", "prefix_overlap film-2 origin.prefix"]);
  });

  it.each([
    ["names that begin alike", r2("film/"), r2("film-2/")],
    ["the same prefix in two buckets", r2("film/"), r2("film/", "OTHER")],
    [
      "hosts that begin alike",
      httpOriginOf({ url: "https://a.example/" }),
      httpOriginOf({ url: "https://a.example.org/" }),
    ],
  ])("takes %s", (_, first, second) => {
    expect(briefly(sampleDocument({ origin: first }), sampleDocument({ id: "other", origin: second }))).toEqual([]);
  });

  it("quotes no value of the document in its advice, since a secret may stand in the wrong place", () => {
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

  it("says in a sentence what to do", () => {
    for (const { advice } of faultsOf(
      sampleDocument({ extra: 1, session: 1, entry: 4, cdn: "x", origin: { type: "ftp" }, title: "" }),
      sampleDocument({ id: "b", cdn: "cloudfront", allowedHosts: ["A"], origin: r2("x") }),
    ))
      expect(advice).toMatch(/^[A-Z].*\.$/);
  });

  it("is described as JSON Schema, every field with a text", () => {
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
