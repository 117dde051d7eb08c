import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

/** The name of a deployment's configuration file. */
const configurationFile = "stagedoor.config.json";

/**
 * The folder of the package, with the files that come with it: a clone of the repository, or `node_modules/stagedoor`. This
 * module is in `cli/lib` there, and compiled in `dist/cli/lib`.
 */
export const packageRoot =
  ["../..", "../../.."]
    .map((path) => resolve(import.meta.dirname, path))
    .find((folder) => existsSync(join(folder, "package.json"))) ?? resolve(import.meta.dirname, "../..");

/** Whether the code is compiled, as it is in an installed package. */
const isCompiled = import.meta.filename.endsWith(".js");

/**
 * The folder of the deployment, with its settings, keys and state. A clone is its own deployment. For an installed package it
 * is the nearest folder with a `stagedoor.config.json`, from the current folder upwards, or the current folder itself.
 */
export const projectRoot = isCompiled ? deploymentAbove(process.cwd()) : packageRoot;

/** The catalog of the fixture streams. */
export const fixtureCatalog = join(packageRoot, "fixtures/catalog.json");

function deploymentAbove(start: string): string {
  for (let folder = start; ; folder = dirname(folder)) {
    if (existsSync(join(folder, configurationFile))) return folder;
    if (dirname(folder) === folder) return start;
  }
}

/** Why a folder is not a deployment, and what to do; undefined if it is one. */
export function deploymentFault(folder: string): string | undefined {
  if ([configurationFile, "wrangler.toml"].some((name) => existsSync(join(folder, name)))) return undefined;
  return `${folder} is not a deployment: it has no ${configurationFile}. Run the command in a folder that has one, or name that folder with --project. \`npx stagedoor init <folder>\` makes one.`;
}
