import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { edgeScript } from "../lib/edge-script.ts";
import { openSettings, storeFailures, templateFile } from "../lib/function-script.ts";
import { functionTemplate } from "../lib/function-template.ts";
import { packageRoot } from "../lib/project.ts";

/**
 * The programs that are compiled, each with the types that its sources are checked with. What an entry imports is compiled
 * with it; a file of two programs becomes the same in both.
 */
const programs = [
  {
    checkedBy: "tsconfig.node.json",
    entries: [
      "cli/stagedoor.ts",
      ...["playlist", "signing", "hono"].map((name) => `src/package/${name}.ts`),
      "packages/player/keep-fresh.ts",
    ],
  },
  {
    checkedBy: "tsconfig.workers.json",
    entries: ["api", "manifest", "edge", "identity"].map((worker) => `workers/${worker}/index.ts`),
  },
];

const dist = join(packageRoot, "dist");
const compiler = join(packageRoot, "node_modules/typescript/bin/tsc");

/** Compiles the package into `dist`: JavaScript and its types, in the folders of the sources. */
rmSync(dist, { recursive: true, force: true });
mkdirSync(dist);
for (const program of programs) compile(program);
await bundlePlayer();
// An installed package has no compiler.
writeFileSync(join(dist, "nginx-edge.js"), await edgeScript("src/verifier/nginx-edge.ts", "nginxEdge"));
for (const storeFailure of storeFailures)
  writeFileSync(join(dist, templateFile(storeFailure)), await functionTemplate(storeFailure, openSettings));
for (const file of readdirSync(dist, { recursive: true, encoding: "utf8" }))
  if (file.endsWith(".d.ts")) renameImports(join(dist, file));
cpSync(join(dist, "packages/player"), join(packageRoot, "packages/player/dist"), { recursive: true });

function compile({ checkedBy, entries }: (typeof programs)[number]): void {
  const project = join(dist, checkedBy);
  const compilerOptions = {
    noEmit: false,
    rootDir: "..",
    outDir: ".",
    declaration: true,
    allowImportingTsExtensions: false,
    rewriteRelativeImportExtensions: true,
  };
  const files = entries.map((entry) => `../${entry}`);
  writeFileSync(project, JSON.stringify({ extends: `../${checkedBy}`, compilerOptions, files, include: [] }));
  try {
    execFileSync(process.execPath, [compiler, "-p", project], { stdio: "inherit" });
  } finally {
    rmSync(project);
  }
}

/** The player helper becomes one plain module, so that a page can load it with a script tag as well. */
async function bundlePlayer(): Promise<void> {
  const folder = join(dist, "packages/player");
  const compiled = readdirSync(folder).filter((file) => file.endsWith(".js"));
  await build({
    entryPoints: [join(packageRoot, "packages/player/keep-fresh.ts")],
    outfile: join(folder, "keep-fresh.js"),
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
  });
  for (const file of compiled) if (file !== "keep-fresh.js") rmSync(join(folder, file));
}

/** The compiler rewrites the imports of JavaScript only: in `.d.ts` files they still name the sources. */
function renameImports(file: string): void {
  const text = readFileSync(file, "utf8");
  writeFileSync(file, text.replace(/(\bfrom |\bimport |\bimport\()"(\.[^"]*)\.tsx?"/g, '$1"$2.js"'));
}
