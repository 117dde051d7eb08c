import { accessSync, constants, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { folder, json, projectFolder, runFile, stagedoor, stagedoorProcess } from "./command-line.ts";

describe("npx stagedoor", () => {
  it("is found in the project, without a registry, and runs on the project's own Node", async () => {
    accessSync(join(projectFolder, "cli/stagedoor.ts"), constants.X_OK);
    const path = (process.env.PATH ?? "").split(":").filter((entry) => !entry.includes("node_modules"));
    const ran = await runFile("npx", ["stagedoor", "--version"], projectFolder, {
      HOME: folder(),
      PATH: path.join(":"),
      npm_config_cache: folder(),
      npm_config_registry: "http://127.0.0.1:1",
    });
    expect([ran.exit, ran.stdout]).toEqual([0, "0.1.0"]);
  });

  it.each([
    [["frobnicate"], 'There is no command "frobnicate"'],
    [["sign"], "<path> is missing. See `npx stagedoor sign --help`."],
    [["token", "--frobnicate"], "Unknown option '--frobnicate'"],
  ])("ends with 2 for %j, and says on standard error what to write", async (words, message) => {
    const ran = await stagedoor(...words);
    expect([ran.exit, ran.stdout]).toEqual([2, ""]);
    expect(ran.stderr).toContain(message);
  });
});

describe("the program", () => {
  it.each([
    [0, "assets list"],
    [0, "assets list --json"],
    [1, "assets check --catalog none.json --json"],
    [1, "assets check --catalog none.json"],
    [2, "frobnicate"],
  ])("ends with %i, and prints what the tests of the commands see: %s", async (exit, line) => {
    const words = line.split(" ");
    const ran = await stagedoorProcess(...words);
    expect(ran).toEqual(await stagedoor(...words));
    expect(ran.exit).toBe(exit);
  });
});

describe("assets", () => {
  it("are listed", async () => {
    const { exit, assets } = await json("assets", "list");
    expect(exit).toBe(0);
    expect(assets.map(({ id }: { id: string }) => id)).toContain("vod-ts");
    expect((await stagedoor("assets", "list")).stdout).toMatch(
      /^vod-cloudfront-ec +cloudfront-signed \(custom\) +index\.m3u8 /m,
    );
  });

  it("are checked: a sound catalog", async () => {
    expect(await json("assets", "check")).toMatchObject({ exit: 0, faults: [] });
  });

  it("are checked: every fault at once, by name, asset and what to do", async () => {
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
    const ran = await stagedoor("assets", "check", "--catalog", file);
    expect(ran.stdout).toMatch(/^prefix_overlap +b +origin\.prefix +Move its files/m);
    expect(ran.stderr).toContain("has 4 errors");
    expect((await stagedoor("assets", "list", "--catalog", file)).exit).toBe(1);
  });

  it("are listed with what they ask of a viewer, and checked for it", async () => {
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

  it("cannot be read from a file that is not there", async () => {
    const ran = await stagedoor("assets", "check", "--catalog", join(folder(), "none.json"));
    expect([ran.exit, ran.stdout]).toEqual([1, ""]);
    expect(ran.stderr).toContain("there is no such file");
  });
});
