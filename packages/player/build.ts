import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { build } from "esbuild";

const root = join(import.meta.dirname, "../..");
const entry = join(import.meta.dirname, "keep-fresh.ts");

/** Writes the helper into `dist/player`: one plain module, for a script tag and for npm, and its types. */
await build({
  entryPoints: [entry],
  outfile: join(root, "dist/player/keep-fresh.js"),
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
});
const types = ["--declaration", "--emitDeclarationOnly", "--outDir", join(root, "dist/player")];
const target = ["--target", "es2022", "--lib", "es2022,dom,dom.iterable", "--module", "esnext", "--moduleResolution"];
execFileSync(
  join(root, "node_modules/.bin/tsc"),
  ["--ignoreConfig", entry, ...types, ...target, "bundler", "--rewriteRelativeImportExtensions", "--strict"],
  { stdio: "inherit" },
);
