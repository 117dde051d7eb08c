import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { describe, expect, it } from "vitest";

const root = resolve(import.meta.dirname, "../../..");

/** Which folders a folder of src may import from, beside itself: the table of ARCHITECTURE.md. */
const allowed = new Map(
  [...readFileSync(join(root, "ARCHITECTURE.md"), "utf8").matchAll(/^\| `(\w+)` \|[^|]*\| ([a-z, ]+) \|$/gm)].map(
    ([, folder = "", imports = ""]) => [folder, imports === "nothing" ? [] : imports.split(", ")],
  ),
);

/** The most lines of a file: one idea that is worth opening, and that fits into one reading. */
const longest = 400;

/** A module with fewer lines belongs to its only importer, except where there is a reason. */
const shortest = 40;
const mayBeShort = new Map([
  ["src/playlist/m3u8-parser.d.ts", "types of a package that has none"],
  ["src/platform/cloudflare/playlist-object.ts", "a Durable Object, which Node cannot load"],
]);

interface Import {
  readonly specifier: string;
  /** The file that a relative import leads to. */
  readonly file: string | undefined;
  /** The folder that a relative import leads to: `src/base`, or `cli`, `test` and others at the root. */
  readonly folder: string | undefined;
}

interface Source {
  readonly file: string;
  readonly lines: number;
  readonly imports: readonly Import[];
}

function sources(folder: string): readonly Source[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name))
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
const filesThat = (files: readonly Source[], imports: (found: Import) => boolean) =>
  files.filter((source) => source.imports.some(imports)).map(({ file }) => file);

const src = sources("src");
const folders = ["workers", "cli", "bench", "demo", "fixtures/live", "packages/player", "proof", "test"];
const [workers, cli, bench, demo, live, player, proof, test] = folders.map(sources);
if (!workers || !cli || !bench || !demo || !live || !player || !proof || !test) throw new Error("a folder is missing");
const core = src.filter((source) => folderOf(source) !== "platform");

describe("imports point one way", () => {
  it("sees every folder of src in the table of ARCHITECTURE.md, and no other", () => {
    expect([...allowed.keys()].toSorted()).toEqual([...new Set(src.map(folderOf))].toSorted());
  });

  it.each([...allowed])("%s imports what the table says, and all of it", (folder, names) => {
    const imported = src
      .filter((source) => folderOf(source) === folder)
      .flatMap(({ file, imports }) => imports.map((found) => ({ file, folder: found.folder })))
      .filter((found) => found.folder !== undefined && found.folder !== `src/${folder}`);
    const strays = imported.filter((found) => !names.some((name) => found.folder === `src/${name}`));
    expect(strays).toEqual([]);
    expect([...new Set(imported.map((found) => found.folder))].toSorted()).toEqual(
      names.map((name) => `src/${name}`).toSorted(),
    );
  });

  it("points up the table never", () => {
    const order = [...allowed.keys()];
    const upwards = [...allowed].filter(([folder, names]) =>
      names.some((name) => order.indexOf(name) < 0 || order.indexOf(name) >= order.indexOf(folder)),
    );
    expect(upwards).toEqual([]);
  });

  it("lets only workers, the command line, benchmarks and tests import the platform code", () => {
    expect(filesThat([...core, ...demo], ({ folder }) => folder === "src/platform")).toEqual([]);
  });

  it("keeps the modules of Node and Cloudflare out of everything except the platform code", () => {
    expect(filesThat(core, ({ specifier }) => /^(node|cloudflare):/.test(specifier))).toEqual([]);
  });

  it("keeps JSX out of all that Node runs as it is: it is for the console and for the worker that bundles it", () => {
    const others = src.filter((source) => folderOf(source) !== "console");
    expect(filesThat([...others, ...cli, ...bench], ({ specifier }) => specifier.endsWith(".tsx"))).toEqual([]);
  });

  it("lets nothing that is deployed import the command line, the tests, the benchmarks or the page", () => {
    const strays = filesThat([...src, ...workers], ({ folder = "" }) =>
      ["cli", "test", "bench", "demo", "fixtures", "packages", "proof"].includes(folder),
    );
    expect(strays).toEqual([]);
  });

  it("lets a folder of the command line import `cli/lib` only, and the local service the migrations", () => {
    const files = new Set(cli.map(({ file }) => file));
    const strays = cli.flatMap(({ file, imports }) => {
      const [, folder = ""] = file.split("/");
      if (folder.endsWith(".ts")) return []; // an entry point connects the folders
      const mayImport = [folder, "lib", ...(folder === "local" ? ["identity"] : [])];
      return imports.flatMap(({ file: imported = "" }) => {
        const [root, other = ""] = imported.split("/");
        return root !== "cli" || !files.has(imported) || mayImport.includes(other) ? [] : [`${file} → ${imported}`];
      });
    });
    expect(strays).toEqual([]);
  });

  it("lets the helper that pages load import nothing but itself", () => {
    const shipped = player.filter(({ file }) => file !== "packages/player/build.ts");
    const strays = filesThat(shipped, ({ folder }) => folder !== "packages");
    expect(strays).toEqual([]);
  });

  it("lets the live fixtures import the core's base alone, so that they prove something about the rest", () => {
    const strays = filesThat(live, ({ folder = "" }) => !["fixtures", "src/base"].includes(folder));
    expect(strays).toEqual([]);
  });
});

describe("files", () => {
  const shipped = [...src, ...workers, ...cli];
  const everything = [...shipped, ...bench, ...demo, ...live, ...player, ...proof, ...test];
  const importers = new Map<string, string[]>();
  for (const source of everything)
    for (const { file } of source.imports)
      if (file !== undefined) importers.set(file, [...(importers.get(file) ?? []), source.file]);

  it("are short enough to be read at one sitting", () => {
    const generated = ["src/console/troubleshooting.ts"];
    const long = everything.filter(({ file, lines }) => lines > longest && !generated.includes(file));
    expect(long.map(({ file }) => file)).toEqual([]);
  });

  it("are worth opening: a short one has more than one importer", () => {
    const alone = shipped.filter(({ file, lines }) => {
      const all = new Set((importers.get(file) ?? []).filter((importer) => !importer.startsWith("test/")));
      return lines < shortest && all.size === 1 && !mayBeShort.has(file);
    });
    expect(alone.map(({ file }) => file)).toEqual([]);
  });

  it("are rarely as short as 30 lines", () => {
    const measured = [...src, ...cli];
    const short = measured.filter(({ lines }) => lines <= 30);
    expect(short.length).toBeLessThanOrEqual(measured.length / 15);
  });

  it("have names of their own within src", () => {
    const names = Map.groupBy(src, ({ file }) => basename(file).replace(/\.tsx?$/, ""));
    expect([...names].filter(([, files]) => files.length > 1).map(([name]) => name)).toEqual([]);
  });

  it("never import each other in a circle, not even for a type", () => {
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
