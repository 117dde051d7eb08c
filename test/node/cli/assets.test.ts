import { chmodSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { systemTimer } from "../../../src/base/time.ts";
import { problemResponse } from "../../../src/http/problem-response.ts";
import { listAssets, putAsset, removeAsset } from "../../../src/operator/manage-assets.ts";
import { nodeSha256 } from "../../../src/platform/node/node-crypto.ts";
import { type MemoryCatalog, memoryCatalogEditing } from "../../support/memory-stores.ts";
import { folder, json, stagedoor, stagedoorProcess } from "./command-line.ts";

const film = (id: string, more: object = {}) => ({
  id,
  origin: { type: "r2", binding: "MEDIA", prefix: `${id}/` },
  entry: "index.m3u8",
  ...more,
});
const textOf = (...assets: readonly unknown[]) => `${JSON.stringify({ version: 1, assets }, null, 2)}\n`;
const assetsIn = (file: string) => JSON.parse(readFileSync(file, "utf8")).assets;
const fileOf = (name: string, text: string) => {
  const file = join(folder(), name);
  writeFileSync(file, text);
  return file;
};

describe("assets add and assets remove with a catalog file", () => {
  it("create the file, add an asset and remove it again", async () => {
    const catalog = join(folder(), "catalog.json");
    const add = (...words: string[]) => stagedoor("assets", "add", ...words, "--catalog", catalog);
    const ran = await add("one", "--origin", "r2:MEDIA/one/", "--title", "One", "--session", "3600", "--streams", "2");
    expect([ran.exit, ran.stderr]).toEqual([0, ""]);
    expect(ran.stdout).toContain(`wrangler kv key put --binding CATALOG catalog --path ${catalog} --remote`);
    expect(assetsIn(catalog)).toEqual([film("one", { title: "One", session: 3600, streams: 2 })]);
    await add("two", "--origin", "https://origin.example/two/", "--entry", "main.m3u8");
    expect(assetsIn(catalog)[1]).toEqual({
      id: "two",
      origin: { type: "http", url: "https://origin.example/two/" },
      entry: "main.m3u8",
    });
    expect((await stagedoor("assets", "remove", "one", "--catalog", catalog)).exit).toBe(0);
    expect(assetsIn(catalog).map(({ id }: { id: string }) => id)).toEqual(["two"]);
    const gone = await stagedoor("assets", "remove", "one", "--catalog", catalog);
    expect([gone.exit, gone.stderr]).toEqual([1, expect.stringContaining("has no asset one")]);
  });

  it("overwrite an asset only with --replace, and leave an identical one unchanged", async () => {
    const before = textOf(film("one"));
    const catalog = fileOf("catalog.json", before);
    const words = ["assets", "add", "one", "--catalog", catalog];
    const same = await json(...words, "--origin", "r2:MEDIA/one/");
    expect([same.exit, same.was]).toEqual([0, "unchanged"]);
    const refused = await stagedoor(...words, "--origin", "r2:MEDIA/other/");
    expect([refused.exit, refused.stderr]).toEqual([1, expect.stringContaining("--replace")]);
    expect(readFileSync(catalog, "utf8")).toBe(before);
    const replaced = await json(...words, "--origin", "r2:MEDIA/other/", "--replace");
    expect([replaced.exit, replaced.was, assetsIn(catalog)[0].origin.prefix]).toEqual([0, "replaced", "other/"]);
  });

  it("report every fault at once, and leave the file, its mode and its folder unchanged", async () => {
    const before = textOf(film("one"));
    const catalog = fileOf("catalog.json", before);
    chmodSync(catalog, 0o640);
    const words = ["assets", "add", "two", "--catalog", catalog];
    const refused = await stagedoor(...words, "--origin", "r2:MEDIA/one/two", "--entry", "../x", "--session", "1");
    expect(refused.exit).toBe(1);
    for (const name of ["prefix_unbounded", "path_not_canonical", "schema"])
      expect(refused.stderr).toContain(`${name}: two: `);
    expect(readFileSync(catalog, "utf8")).toBe(before);
    expect((await stagedoor(...words, "--origin", "r2:MEDIA/two/")).exit).toBe(0);
    expect([statSync(catalog).mode & 0o777, existsSync(`${catalog}.new`)]).toEqual([0o640, false]);
    expect(readdirSync(join(catalog, ".."))).toEqual(["catalog.json"]);
  });

  it("keep every asset of four concurrent commands", async () => {
    const catalog = fileOf("catalog.json", textOf());
    const ids = ["one", "two", "three", "four"];
    const add = (id: string) =>
      stagedoorProcess("assets", "add", id, "--origin", `r2:MEDIA/${id}/`, "--catalog", catalog);
    expect((await Promise.all(ids.map(add))).map(({ exit }) => exit)).toEqual([0, 0, 0, 0]);
    expect(new Set(assetsIn(catalog).map(({ id }: { id: string }) => id))).toEqual(new Set(ids));
  });

  it("read an asset from a JSON file, which may not name another id", async () => {
    const catalog = fileOf("catalog.json", textOf());
    const add = (id: string, asset: string) =>
      stagedoor("assets", "add", id, "--json-file", asset, "--catalog", catalog);
    const { id: _, ...rest } = film("one", { countries: { only: ["DE"] } });
    expect((await add("one", fileOf("a.json", JSON.stringify(rest)))).exit).toBe(0);
    expect(assetsIn(catalog)).toEqual([{ ...rest, id: "one" }]);
    const other = await add("two", fileOf("a.json", JSON.stringify(film("one"))));
    expect([other.exit, other.stderr]).toEqual([1, expect.stringContaining("The id in the file is")]);
    const invalid = await add("two", fileOf("a.json", "[]"));
    expect([invalid.exit, invalid.stderr]).toEqual([1, expect.stringContaining("must contain an asset")]);
  });
});

describe("assets of a running deployment", () => {
  let catalog: MemoryCatalog;
  let context: Parameters<typeof putAsset>[1];
  const requests: (string | undefined)[] = [];
  let server: Server;
  let api: string;
  let bearer: string;

  beforeAll(async () => {
    bearer = fileOf("bearer.txt", "MARKEDBEARER\n");
    server = createServer({ keepAliveTimeout: 0 }, async (request, response) => {
      requests.push(`${request.method} ${request.url} ${request.headers.authorization}`);
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk);
      const { pathname, searchParams } = new URL(request.url ?? "", api);
      const id = decodeURIComponent(pathname.split("/").at(-1) ?? "");
      const replace = searchParams.get("replace") !== "false";
      const body = Buffer.concat(chunks).toString();
      const run = {
        GET: () => listAssets(context),
        PUT: () => putAsset({ id, body, replace }, context),
        DELETE: () => removeAsset(id, context),
      };
      const method = request.method === "PUT" || request.method === "DELETE" ? request.method : "GET";
      const result = await run[method]();
      const reply = result.ok ? Response.json(result.value ?? null) : problemResponse(result.refusal);
      response.writeHead(reply.status, { "Content-Type": "application/json" });
      response.end(await reply.text());
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    api = `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}/api/v1`;
  });
  afterAll(() => new Promise((resolve) => server.close(resolve)));
  beforeEach(() => {
    catalog = { text: undefined };
    context = {
      catalogEditing: memoryCatalogEditing(catalog, nodeSha256),
      originSecrets: {},
      roots: ["films"],
      timer: systemTimer,
    };
    requests.length = 0;
  });

  const live = (...words: readonly string[]) => stagedoor("assets", ...words, "--api", api, "--bearer", bearer);

  it("are added, listed, checked and removed, with a note of when each change takes effect", async () => {
    const added = await live("add", "one", "--origin", "r2:MEDIA/one/");
    expect([added.exit, added.stdout]).toEqual([
      0,
      expect.stringMatching(/added(?:.|\n)*within two minutes(?:.|\n)*doctor/),
    ]);
    expect(requests).toEqual([
      "PUT /api/v1/operator/assets/one?replace=false Bearer MARKEDBEARER",
      "GET /demo.json undefined",
    ]);
    expect(await live("list")).toMatchObject({
      stdout: expect.stringMatching(/^one +edge +index\.m3u8 +r2:MEDIA:one\/ /m),
      stderr: "",
    });
    expect((await live("check")).stdout).toContain("is valid: 1 asset.");
    const removed = await live("remove", "one");
    expect([removed.exit, removed.stdout]).toEqual([0, expect.stringContaining(`revoke --asset one --api ${api}`)]);
    expect((await live("list")).stdout).toBe("The catalog is empty.");
    expect(added.stdout + removed.stdout).not.toContain("MARKED");
  });

  it("are checked by the doctor command that `assets add` prints", async () => {
    const origin = "http://127.0.0.1:9/far/";
    const added = await live("add", "far", "--origin", origin, "--no-check");
    const [, words = ""] = /^ {2}npx stagedoor (doctor .*)$/m.exec(added.stdout) ?? [];
    expect(words).toBe(`doctor --api ${api} --origins --bearer ${bearer}`);
    const report = await json(...words.split(" "));
    expect(report.catalog).toBe(`the catalog of ${api}`);
    expect(report.findings).toContainEqual(expect.objectContaining({ id: "origin_silent", about: "asset far" }));
  });

  it("in an unbound bucket are reported by add and by check", async () => {
    const added = await live("add", "one", "--origin", "r2:NOPE/one/");
    expect([added.exit, added.stderr]).toEqual([0, expect.stringMatching(/binds no bucket NOPE .*\(bound: MEDIA\)/)]);
    const checked = await live("check");
    expect([checked.exit, checked.stdout]).toEqual([
      1,
      expect.stringMatching(/^bucket_unbound +one +origin\.binding/m),
    ]);
    const file = fileOf("catalog.json", catalog.text ?? "");
    expect((await stagedoor("assets", "check", "--catalog", file)).exit).toBe(0);
    const inProduction = await stagedoor("assets", "check", "--catalog", file, "--env", "production");
    expect([inProduction.exit, inProduction.stdout]).toEqual([1, expect.stringMatching(/^bucket_unbound +one /m)]);
    const unknown = await stagedoor("assets", "check", "--catalog", file, "--env", "prod");
    expect([unknown.exit, unknown.stderr]).toEqual([
      2,
      expect.stringContaining('--env must be an environment of wrangler.toml (staging, production), not "prod"'),
    ]);
  });

  it("in a folder are refused for a root that the deployment does not have", async () => {
    const refused = await live("add", "one", "--origin", "file:etc/one/", "--no-check");
    expect([refused.exit, refused.stderr]).toEqual([1, expect.stringContaining("root_unknown: one: origin.root")]);
    expect((await live("add", "one", "--origin", "file:films/one/", "--no-check")).exit).toBe(0);
    // The files of this clone describe Workers, which have no roots.
    const checked = await live("check");
    expect([checked.exit, checked.stdout]).toEqual([1, expect.stringMatching(/^root_unknown +one +origin\.root +/m)]);
  });

  it("are replaced only with --replace", async () => {
    await live("add", "one", "--origin", "r2:MEDIA/one/");
    const refused = await live("add", "one", "--origin", "r2:MEDIA/new/");
    expect([refused.exit, refused.stderr]).toEqual([1, expect.stringContaining("--replace")]);
    expect((await live("add", "one", "--origin", "r2:MEDIA/new/", "--replace")).stdout).toContain("replaced");
    expect(catalog.text).toContain("new/");
  });

  it("are refused with every fault, and cannot be removed if they do not exist", async () => {
    const refused = await live("add", "one", "--origin", "r2:MEDIA/one", "--entry", "/");
    expect([refused.exit, refused.stderr]).toEqual([
      1,
      expect.stringMatching(/prefix_unbounded(?:.|\n)*path_not_canonical/),
    ]);
    const gone = await live("remove", "one");
    expect([gone.exit, gone.stderr]).toEqual([1, expect.stringContaining("404 asset_unknown")]);
  });

  it("with faults are named by check, and list refers to check", async () => {
    catalog.text = textOf(film("one"), film("two", { session: 1 }));
    const checked = await live("check");
    expect([checked.exit, checked.stdout]).toEqual([1, expect.stringMatching(/^schema +two +session/m)]);
    const listed = await live("list");
    expect([listed.exit, listed.stderr]).toEqual([0, expect.stringContaining("assets check --api")]);
  });
});
