import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, it } from "vitest";

const root = resolve(import.meta.dirname, "../../..");

/** Which folders a folder of src may import from, beside itself. Imports point one way: down this list's own entries. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  base: [],
  keys: ["base"],
  signing: ["base", "keys"],
  playlist: ["base"],
  credential: ["base"],
  catalog: ["base"],
  policy: ["base", "credential"],
  config: ["base", "keys", "credential"],
  flows: ["base", "keys", "signing", "playlist", "credential", "policy", "catalog"],
  http: ["base", "keys", "signing", "catalog", "flows", "config"],
  adapters: ["base", "keys", "signing", "playlist", "catalog", "flows", "http"],
};

/** What stands outside src: who may import adapters, and who may not. */
const outside = ["workers", "cli", "bench", "web"];

function sources(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)));
}

function importsOf(file: string): string[] {
  const text = readFileSync(join(root, file), "utf8");
  return [...text.matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g)].map(([, specifier]) => specifier ?? "");
}

function folderOf(file: string, specifier: string): string {
  return relative(root, resolve(root, dirname(file), specifier))
    .split("/")
    .slice(0, 2)
    .join("/");
}

describe("imports point one way", () => {
  const files = sources("src");

  it("sees every folder of src in its table", () => {
    expect(new Set(files.map((file) => file.split("/")[1]))).toEqual(new Set(Object.keys(allowed)));
  });

  it.each(files)("%s", (file) => {
    const own = file.split("/")[1] ?? "";
    const strays = importsOf(file)
      .filter((specifier) => specifier.startsWith("."))
      .map((specifier) => folderOf(file, specifier))
      .filter((folder) => folder !== `src/${own}` && !allowed[own]?.some((name) => folder === `src/${name}`));
    expect(strays).toEqual([]);
  });

  it("keeps Node and Cloudflare out of everything but the adapters", () => {
    const core = files.filter((file) => !file.startsWith("src/adapters/"));
    const strays = core.filter((file) => importsOf(file).some((specifier) => /^(node|cloudflare):/.test(specifier)));
    expect(strays).toEqual([]);
  });

  it("lets nothing in src or workers import the command line, the tests or the page", () => {
    const strays = [...files, ...sources("workers")].filter((file) =>
      importsOf(file).some(
        (specifier) => specifier.startsWith(".") && /^(cli|test|bench|web)\b/.test(folderOf(file, specifier)),
      ),
    );
    expect(strays).toEqual([]);
  });

  it("keeps files short enough to be read at one sitting", () => {
    const long = [...files, ...outside.filter((folder) => folder !== "web").flatMap((folder) => sources(folder))]
      .map((file) => ({ file, lines: readFileSync(join(root, file), "utf8").split("\n").length }))
      .filter(({ lines }) => lines > 260);
    expect(long).toEqual([]);
  });
});
