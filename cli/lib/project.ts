import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { configFile } from "../../src/deployment/config-schema.ts";

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

const ownFolder = deploymentAbove(process.cwd());

/** Whether the command runs in a folder with a `stagedoor.config.json`, as `npx stagedoor init` makes it, or below one. */
export const inDeployment = ownFolder !== undefined;

/**
 * The folder of the deployment, with its settings, keys and state: the nearest one with a `stagedoor.config.json`, from the
 * current folder upwards. Without one, a clone is its own deployment, and an installed package uses the current folder.
 */
export const projectRoot = ownFolder ?? (isCompiled ? process.cwd() : packageRoot);

/** The program that deploys: of a deployment's folder, or of a clone. */
export const deployProgram = inDeployment ? "npx stagedoor deploy" : "npm run deploy --";

/** The program that runs everything on this machine. */
export const startProgram = inDeployment ? "npx stagedoor dev" : "npm start";

/** The file with the workers' bindings. */
export const bindingsFile = inDeployment ? configFile : "wrangler.toml";

/** The name of the default catalog in a help text. */
export const defaultCatalogName = inDeployment ? `the assets of ${configFile}` : "fixtures/catalog.json of the project";

/** The folder of git-ignored files in a deployment: generated configurations, development keys and state. */
export const generatedFolder = ".stagedoor";

/** The catalog of the fixture streams. */
export const fixtureCatalog = join(packageRoot, "fixtures/catalog.json");

/** The default catalog: the assets of the deployment's file, or the fixture streams. */
export const defaultCatalog =
  ownFolder === undefined ? fixtureCatalog : join(ownFolder, generatedFolder, "catalog.json");

/** The search ends at a clone, which is a deployment of its own wherever it lies. */
function deploymentAbove(start: string): string | undefined {
  for (let folder = start; ; folder = dirname(folder)) {
    if (existsSync(join(folder, configFile))) return folder;
    if (folder === packageRoot || dirname(folder) === folder) return undefined;
  }
}

/** Why a folder is not a deployment, and what to do; undefined if it is one. */
export function deploymentFault(folder: string): string | undefined {
  if ([configFile, "wrangler.toml"].some((name) => existsSync(join(folder, name)))) return undefined;
  return `${folder} is not a deployment: it has no ${configFile}. Run the command in a folder that has one, or name that folder with --project. \`npx stagedoor init <folder>\` makes one.`;
}

/** A script that the package's build compiles: part of an installed package, and compiled here in a clone. */
export async function scriptOf(name: string, compile: () => Promise<string>): Promise<string> {
  const isClone = existsSync(join(packageRoot, "src"));
  return isClone ? compile() : readFileSync(join(packageRoot, "dist", name), "utf8");
}
