import { accessSync, constants, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { folder, json, projectFolder, runFile, stagedoor, stagedoorProcess } from "./command-line.ts";

describe("npx stagedoor", () => {
  it("runs in the project without a registry, on the project's own Node", async () => {
    accessSync(join(projectFolder, "cli/bin.mjs"), constants.X_OK);
    const path = (process.env.PATH ?? "").split(":").filter((entry) => !entry.includes("node_modules"));
    const run = await runFile("npx", ["stagedoor", "--version"], projectFolder, {
      HOME: folder(),
      PATH: path.join(":"),
      npm_config_cache: folder(),
      npm_config_registry: "http://127.0.0.1:1",
    });
    expect([run.exit, run.stdout]).toEqual([0, "0.1.0"]);
  });

  it.each([
    [["frobnicate"], 'There is no command "frobnicate"'],
    [["sign"], "<path> is missing. See `npx stagedoor sign --help`."],
    [["token", "--frobnicate"], "Unknown option '--frobnicate'"],
  ])("exits with 2 for %j and explains the mistake on standard error", async (words, message) => {
    const run = await stagedoor(...words);
    expect([run.exit, run.stdout]).toEqual([2, ""]);
    expect(run.stderr).toContain(message);
  });
});

describe("the program as a process", () => {
  it.each([
    [0, "assets list"],
    [0, "assets list --json"],
    [1, "assets check --catalog none.json --json"],
    [1, "assets check --catalog none.json"],
    [2, "frobnicate"],
  ])("exits with %i and prints the same as the command in the tests: %s", async (exit, line) => {
    const words = line.split(" ");
    const run = await stagedoorProcess(...words);
    expect(run).toEqual(await stagedoor(...words));
    expect(run.exit).toBe(exit);
  });
});

describe("the command assets", () => {
  it("lists the assets", async () => {
    const { exit, assets } = await json("assets", "list");
    expect(exit).toBe(0);
    expect(assets.map(({ id }: { id: string }) => id)).toContain("vod-ts");
    expect((await stagedoor("assets", "list")).stdout).toMatch(
      /^vod-cloudfront-ec +cloudfront-signed \(custom\) +index\.m3u8 /m,
    );
  });

  it("checks a valid catalog", async () => {
    expect(await json("assets", "check")).toMatchObject({ exit: 0, faults: [] });
  });

  it("reports every fault of a catalog at once, with its name, its asset and advice", async () => {
    const file = join(folder(), "catalog.json");
    const origin = (prefix: string) => ({ type: "r2", binding: "MEDIA", prefix });
    const assets = [
      { id: "a", origin: origin("films/"), entry: "index.m3u8" },
      { id: "b", origin: origin("films/b/"), entry: "../index.m3u8" },
      { id: "c", origin: origin("c"), entry: "index.m3u8", cdn: "cloudfront-signed" },
    ];
    writeFileSync(file, JSON.stringify({ version: 1, assets }));
    const { exit, faults } = await json("assets", "check", "--catalog", file);
    expect(exit).toBe(1);
    expect(faults.map(({ name, asset }: { name: string; asset: string }) => [name, asset])).toEqual(
      expect.arrayContaining([
        ["prefix_overlap", "b"],
        ["path_not_canonical", "b"],
        ["prefix_unbounded", "c"],
        ["cloudfront_missing", "c"],
      ]),
    );
    const run = await stagedoor("assets", "check", "--catalog", file);
    expect(run.stdout).toMatch(/^prefix_overlap +b +origin\.prefix +Move its files/m);
    expect(run.stderr).toContain("has 4 errors");
    expect((await stagedoor("assets", "list", "--catalog", file)).exit).toBe(1);
  });

  it("lists and checks the conditions of an asset", async () => {
    const file = join(folder(), "catalog.json");
    const asset = { id: "a", origin: { type: "r2", binding: "MEDIA", prefix: "a/" }, entry: "index.m3u8" };
    const write = (more: object) =>
      writeFileSync(file, JSON.stringify({ version: 1, assets: [{ ...asset, ...more }] }));
    write({ countries: { only: ["DE"] }, available: { until: "2026-12-01T00:00:00Z" } });
    expect((await stagedoor("assets", "list", "--catalog", file)).stdout).toMatch(/ stream:play +countries, available/);
    write({ countries: { only: ["UK"] }, origins: ["example.com"] });
    const { exit, faults } = await json("assets", "check", "--catalog", file);
    expect(exit).toBe(1);
    expect(faults.map(({ name, field }: { name: string; field: string }) => [name, field])).toEqual([
      ["country_unknown", "countries.only[0]"],
      ["origin_invalid", "origins[0]"],
    ]);
  });

  it("fails if the catalog file does not exist", async () => {
    const run = await stagedoor("assets", "check", "--catalog", join(folder(), "none.json"));
    expect([run.exit, run.stdout]).toEqual([1, ""]);
    expect(run.stderr).toContain("there is no such file");
  });
});
