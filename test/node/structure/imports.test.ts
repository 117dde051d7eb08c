import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { describe, expect, it } from "vitest";

const root = resolve(import.meta.dirname, "../../..");

/** The permitted imports of each folder of src, besides its own files: the table of ARCHITECTURE.md. */
const allowed = new Map(
  [...readFileSync(join(root, "ARCHITECTURE.md"), "utf8").matchAll(/^\| `(\w+)` \|[^|]*\| ([a-z, ]+) \|$/gm)].map(
    ([, folder = "", imports = ""]) => [folder, imports === "nothing" ? [] : imports.split(", ")],
  ),
);

/** The maximum number of lines of a file. */
const longest = 400;

/** A shorter module belongs to its only importer, unless there is a reason. */
const shortest = 40;
const mayBeShort = new Map([
  ["src/playlist/m3u8-parser.d.ts", "types of a package that has none"],
  ["src/verifier/edge-verifier.ts", "the entry of a script of its own"],
  ["src/verifier/verifier-keys.ts", "it runs outside of an edge, so it may use more of the language than its folder"],
]);

interface Import {
  readonly specifier: string;
  /** The file of a relative import. */
  readonly file: string | undefined;
  /** The folder of a relative import: `src/base`, or at the root `cli`, `test` and others. */
  readonly folder: string | undefined;
}

interface Source {
  readonly file: string;
  readonly lines: number;
  readonly imports: readonly Import[];
}

function sources(folder: string): readonly Source[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name) && !entry.parentPath.endsWith("/dist"))
    .map((entry) => {
      const text = readFileSync(join(entry.parentPath, entry.name), "utf8");
      const file = relative(root, join(entry.parentPath, entry.name));
      return { file, lines: text.trimEnd().split("\n").length, imports: importsOf(file, text) };
    });
}

function importsOf(file: string, text: string): readonly Import[] {
  return [...text.matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g)].map(([, specifier = ""]) => {
    if (!specifier.startsWith(".")) return { specifier, file: undefined, folder: undefined };
    const imported = relative(root, resolve(root, dirname(file), specifier));
    const [first = "", second = ""] = imported.split("/");
    return { specifier, file: imported, folder: first === "src" ? `src/${second}` : first };
  });
}

const folderOf = ({ file }: Source) => file.split("/")[1] ?? "";
const filesThat = (files: readonly Source[], condition: (imported: Import) => boolean) =>
  files.filter((source) => source.imports.some(condition)).map(({ file }) => file);

const src = sources("src");
const folders = ["workers", "cli", "bench", "demo", "examples", "fixtures/live", "packages/player", "proof", "test"];
const [workers, cli, bench, demo, examples, live, player, proof, test] = folders.map(sources);
if (!workers || !cli || !bench || !demo || !examples || !live || !player || !proof || !test)
  throw new Error("a folder is missing");
const core = src.filter((source) => folderOf(source) !== "platform");

describe("the import rules", () => {
  it("cover exactly the folders of src in ARCHITECTURE.md", () => {
    expect([...allowed.keys()].toSorted()).toEqual([...new Set(src.map(folderOf))].toSorted());
  });

  it.each([...allowed])("list exactly the imports of %s", (folder, names) => {
    const imported = src
      .filter((source) => folderOf(source) === folder)
      .flatMap(({ file, imports }) => imports.map(({ folder: target }) => ({ file, folder: target })))
      .filter((entry) => entry.folder !== undefined && entry.folder !== `src/${folder}`);
    const strays = imported.filter((entry) => !names.some((name) => entry.folder === `src/${name}`));
    expect(strays).toEqual([]);
    expect([...new Set(imported.map((entry) => entry.folder))].toSorted()).toEqual(
      names.map((name) => `src/${name}`).toSorted(),
    );
  });

  it("never point up the table", () => {
    const order = [...allowed.keys()];
    const upwards = [...allowed].filter(([folder, names]) =>
      names.some((name) => order.indexOf(name) < 0 || order.indexOf(name) >= order.indexOf(folder)),
    );
    expect(upwards).toEqual([]);
  });

  it("let only workers, the package's entries, the command line, benchmarks and tests import platform code", () => {
    const others = core.filter((source) => folderOf(source) !== "package");
    expect(filesThat([...others, ...demo], ({ folder }) => folder === "src/platform")).toEqual([]);
  });

  it("let no other code import the package's entries", () => {
    const others = src.filter((source) => folderOf(source) !== "package");
    expect(filesThat([...others, ...workers, ...cli], ({ folder }) => folder === "src/package")).toEqual([]);
  });

  it("permit modules of Node and Cloudflare only in platform code", () => {
    expect(filesThat(core, ({ specifier }) => /^(node|cloudflare):/.test(specifier))).toEqual([]);
  });

  it("permit JSX only in the console and the service that mounts it", () => {
    const others = src.filter((source) => folderOf(source) !== "console");
    const users = filesThat([...others, ...workers, ...cli, ...bench], ({ specifier }) => specifier.endsWith(".tsx"));
    expect(users).toEqual(["src/service/api-service.ts"]);
  });

  it("forbid deployed code to import the command line, tests, benchmarks or pages", () => {
    const strays = filesThat([...src, ...workers], ({ folder = "" }) =>
      ["cli", "test", "bench", "demo", "examples", "fixtures", "packages", "proof"].includes(folder),
    );
    expect(strays).toEqual([]);
  });

  it("let a folder of the command line import `cli/lib` only, and the local service what it runs", () => {
    const files = new Set(cli.map(({ file }) => file));
    const strays = cli.flatMap(({ file, imports }) => {
      const [, folder = ""] = file.split("/");
      if (folder.endsWith(".ts")) return []; // An entry point connects the folders.
      const mayImport = [folder, "lib", ...(folder === "local" ? ["identity", "cloudfront"] : [])];
      return imports.flatMap(({ file: imported = "" }) => {
        const [root, other = ""] = imported.split("/");
        return root !== "cli" || !files.has(imported) || mayImport.includes(other) ? [] : [`${file} → ${imported}`];
      });
    });
    expect(strays).toEqual([]);
  });

  it("let the player helper import only its own files", () => {
    const strays = filesThat(player, ({ folder }) => folder !== "packages");
    expect(strays).toEqual([]);
  });

  it("let the examples import only packages and their own files, so that they can be copied", () => {
    expect(filesThat(examples, ({ folder = "examples" }) => folder !== "examples")).toEqual([]);
  });

  it("let the live fixtures import only src/base, so that they are an independent check", () => {
    const strays = filesThat(live, ({ folder = "" }) => !["fixtures", "src/base"].includes(folder));
    expect(strays).toEqual([]);
  });
});

describe("a source file", () => {
  const shipped = [...src, ...workers, ...cli];
  const everything = [...shipped, ...bench, ...demo, ...examples, ...live, ...player, ...proof, ...test];
  const importers = new Map<string, string[]>();
  for (const source of everything)
    for (const { file } of source.imports)
      if (file !== undefined) importers.set(file, [...(importers.get(file) ?? []), source.file]);

  it("has at most 400 lines", () => {
    const generated = ["src/console/troubleshooting.ts"];
    const long = everything.filter(({ file, lines }) => lines > longest && !generated.includes(file));
    expect(long.map(({ file }) => file)).toEqual([]);
  });

  it("of fewer than 40 lines has more than one importer", () => {
    const alone = shipped.filter(({ file, lines }) => {
      const all = new Set((importers.get(file) ?? []).filter((importer) => !importer.startsWith("test/")));
      return lines < shortest && all.size === 1 && !mayBeShort.has(file);
    });
    expect(alone.map(({ file }) => file)).toEqual([]);
  });

  it("rarely has 30 lines or fewer", () => {
    const measured = [...src, ...cli];
    const short = measured.filter(({ lines }) => lines <= 30);
    expect(short.length).toBeLessThanOrEqual(measured.length / 15);
  });

  it("has a unique name within src", () => {
    const names = Map.groupBy(src, ({ file }) => basename(file).replace(/\.tsx?$/, ""));
    expect([...names].filter(([, files]) => files.length > 1).map(([name]) => name)).toEqual([]);
  });

  it("never imports itself through other files, not even for a type", () => {
    const imports = new Map(
      everything.map((source) => [source.file, source.imports.flatMap(({ file }) => file ?? [])]),
    );
    const finished = new Set<string>();
    const circles: string[] = [];
    const follow = (file: string, path: readonly string[]): void => {
      if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(" → "));
      else if (!finished.has(file)) for (const next of imports.get(file) ?? []) follow(next, [...path, file]);
      finished.add(file);
    };
    for (const file of imports.keys()) follow(file, []);
    expect(circles).toEqual([]);
  });
});
